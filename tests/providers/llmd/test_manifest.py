"""The manifest of the worker that serves llm-d alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import airunway.providers.llmd
from airunway.provider.contract import UpstreamKind
from airunway.providers.llmd import PROVIDER

MANIFEST = Path(airunway.providers.llmd.__file__).parent / "deploy" / "llmd.yaml"
OBJECTS: dict[str, Any] = {obj["kind"]: obj for obj in yaml.safe_load_all(MANIFEST.read_text())}


def verbs(group: str, resource: str) -> set[str]:
    return {
        verb
        for rule in OBJECTS["ClusterRole"]["rules"]
        if group in rule["apiGroups"] and resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.kind) for kind in PROVIDER.kinds])
def test_the_worker_may_do_to_its_objects_what_a_pass_does(kind: UpstreamKind) -> None:
    assert verbs(kind.group, kind.plural) >= {"get", "list", "watch", "create", "patch", "delete"}


@pytest.mark.parametrize(
    ("group", "resource", "wanted"),
    [
        ("airunway.ai", "modeldeployments", {"get", "list", "watch", "patch", "update"}),
        ("airunway.ai", "modeldeployments/finalizers", {"update"}),
        ("airunway.ai", "inferenceproviderconfigs", {"get", "create", "patch"}),
        ("airunway.ai", "inferenceproviderconfigs/status", {"get", "patch"}),
        ("", "pods", {"get", "list"}),
        ("", "events", {"get", "list", "create", "patch"}),
        ("apps", "replicasets", {"get", "list"}),
        ("apps", "statefulsets", {"get", "list"}),
        ("coordination.k8s.io", "leases", {"get", "create", "update", "patch"}),
    ],
)
def test_other_rights(group: str, resource: str, wanted: set[str]) -> None:
    assert verbs(group, resource) >= wanted


def test_secrets_are_not_readable() -> None:
    assert not verbs("", "secrets")


def test_account_role_and_process_belong_together() -> None:
    account = OBJECTS["ServiceAccount"]["metadata"]
    (subject,) = OBJECTS["ClusterRoleBinding"]["subjects"]
    spec = OBJECTS["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]

    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert OBJECTS["ClusterRoleBinding"]["roleRef"]["name"] == OBJECTS["ClusterRole"]["metadata"]["name"]
    assert spec["serviceAccountName"] == account["name"]
    assert container["command"] == ["airunway", "worker", "--provider", PROVIDER.name, "--no-core"]
    selector = OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
