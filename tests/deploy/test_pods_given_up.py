"""Our own pods, registry and builder have no service links, and a token only where they need one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.registry_objects import registry_objects
from tests.deploy.manifests import ROOT

FILES = sorted([*ROOT.glob("deploy/*/*.yaml"), *ROOT.glob("providers/*/deploy/*.yaml")])


def shipped() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for file in FILES:
        for obj in yaml.safe_load_all(file.read_text()):
            if obj and obj["kind"] in ("Deployment", "Job"):
                found.append((f"{file.name} {obj['metadata']['name']}", obj["spec"]["template"]["spec"]))
    return found


@pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in shipped()])
def test_our_processes_have_no_service_links_and_no_token_but_their_own_accounts(
    pod: dict[str, Any],
) -> None:
    assert pod["enableServiceLinks"] is False
    account = pod.get("serviceAccountName", "")
    assert account.startswith("airunway-") or pod["automountServiceAccountToken"] is False


def test_registry_and_builder_have_no_token_either() -> None:
    options = ClusterOptions()
    made = [
        *registry_objects(options, image="r", lineage="l"),
        *builder_objects(options, image="b", certificate="c"),
    ]

    for obj in made:
        if obj["kind"] == "Deployment":
            pod = obj["spec"]["template"]["spec"]
            assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
