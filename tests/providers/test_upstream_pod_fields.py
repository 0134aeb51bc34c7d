"""What operators let be said of their pods, by their published definitions (docs/security.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import ROOT

FOLDER = Path(os.environ.get("AIRUNWAY_UPSTREAM_CRDS", ROOT.parent / "shared" / "upstream-crds"))
ASKED = {"automountServiceAccountToken", "enableServiceLinks", "securityContext"}


def specs(file: str) -> list[dict[str, Any]]:
    """The fields of `spec`, or of the whole object where it has none, of each served version."""
    path = FOLDER / file
    if not path.exists():
        pytest.skip(f"{path} is not there; set AIRUNWAY_UPSTREAM_CRDS to the folder of published definitions")
    versions = yaml.safe_load(path.read_text())["spec"]["versions"]
    schemas = [
        version["schema"]["openAPIV3Schema"]["properties"] for version in versions if version["served"]
    ]
    return [schema["spec"]["properties"] if "inference" not in schema else schema for schema in schemas]


def test_the_pinned_dynamo_has_the_fields_that_are_set_and_none_for_a_sidecar() -> None:
    (spec,) = specs("dynamo-1.1.0-rc3/nvidia.com_dynamographdeployments.yaml")
    service = spec["services"]["additionalProperties"]["properties"]

    assert service["extraPodSpec"]["properties"].keys() >= ASKED
    assert service["frontendSidecar"]["properties"].keys().isdisjoint(ASKED)


@pytest.mark.parametrize("version", ["0.10.0", "0.12.0"])
def test_no_kaito_has_a_field_for_the_pods_of_a_preset(version: str) -> None:
    for workspace in specs(f"kaito-{version}/kaito.sh_workspaces.yaml"):
        inference = workspace["inference"]["properties"]
        preset = inference["preset"]["properties"]

        assert {*inference, *preset, *preset["presetOptions"]["properties"]}.isdisjoint(ASKED)
        assert "template" in inference, "pods of a template are ours to isolate"
