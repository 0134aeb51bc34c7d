"""`airunway plan` says what of a manifest has no effect, and what the API server would refuse of it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.cli.conftest import Airunway
from tests.cli.test_plan import GPU, manifest

PRESET = {"id": "microsoft/phi-4"}
KAITO = {"name": "kaito"}


def annotated(text: str, **annotations: str) -> str:
    body = yaml.safe_load(text)
    body["metadata"]["annotations"] = {f"airunway.ai/{key}": value for key, value in annotations.items()}
    return yaml.safe_dump(body)


def planned(airunway: Airunway, text: str) -> tuple[int, dict[str, Any]]:
    result = airunway("plan", "-f", "-", "-o", "json", stdin=text)
    (entry,) = json.loads(result.out)
    return result.status, entry


def test_arguments_that_a_preset_has_no_use_for_are_named(airunway: Airunway) -> None:
    engine = {"type": "vllm", "args": {"max-model-len": "8192"}, "extraArgs": ["--seed=1"]}

    status, entry = planned(airunway, manifest(**{**GPU, "model": PRESET, "engine": engine}, provider=KAITO))

    assert status == 0
    assert {"spec.engine.args", "spec.engine.extraArgs"} <= set(entry["ignoredFields"])
    assert len(set(entry["ignoredFields"])) == len(entry["ignoredFields"])


def test_what_all_of_is_honoured_has_nothing_ignored(airunway: Airunway) -> None:
    _, entry = planned(airunway, manifest(**GPU, provider={"name": "vllm"}))

    assert entry["ignoredFields"] == []


def test_an_annotation_without_effect_is_warned_of(airunway: Airunway) -> None:
    given = annotated(manifest(**GPU, provider={"name": "vllm"}), **{"reconcile-paused": "yes"})

    status, entry = planned(airunway, given)

    assert status == 0
    [warning] = entry["warnings"]
    assert warning.startswith("metadata.annotations[airunway.ai/reconcile-paused]: 'yes' has no effect")


def test_replicas_of_somebody_else_by_an_unknown_word_are_refused(airunway: Airunway) -> None:
    given = annotated(manifest(**GPU, provider={"name": "vllm"}), **{"external-replicas": "yes"})

    status, entry = planned(airunway, given)

    assert status == 1
    [error] = entry["errors"]
    assert error == (
        "metadata.annotations[airunway.ai/external-replicas]: 'yes' is unknown; use true or false"
    )


def test_a_probe_that_the_api_server_would_refuse_is_an_error(airunway: Airunway) -> None:
    probe = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": "5"}
    containers = [{"name": "vllm", "livenessProbe": probe}]
    overrides = {"spec": {"template": {"spec": {"containers": containers}}}}

    status, entry = planned(airunway, manifest(**GPU, provider={"name": "vllm", "overrides": overrides}))

    assert status == 1
    [error] = entry["errors"]
    assert "containers[0].livenessProbe.periodSeconds of the rendered Deployment chat must be" in error
