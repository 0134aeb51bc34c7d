"""What of a deployment its workflow reacts to."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.workers.marks import STATUS_CHANGED, ConfigMark, DeploymentMark

BASE: dict[str, Any] = {
    "metadata": {"name": "chat", "namespace": "ml", "uid": "u", "generation": 1, "resourceVersion": "1"},
    "spec": {"model": {"id": "o/m"}},
}
RECORDED = {"provider": {"name": "kaito"}, "phase": "Running"}


def changed(**parts: Any) -> dict[str, Any]:
    obj = copy.deepcopy(BASE)
    for key, value in parts.items():
        obj[key] = {**obj.get(key, {}), **value}
    return obj


def of_another_controller(phase: str) -> dict[str, Any]:
    return changed(
        metadata={"managedFields": [{"manager": "provider", "subresource": "status"}]},
        status={**RECORDED, "phase": phase},
    )


def written_by_us(time: str, *conditions: str) -> dict[str, Any]:
    """As it is after our write, beside somebody who owns a condition of his own."""
    ours = {"manager": "airunway", "subresource": "status", "time": f"2026-01-01T{time}Z"}
    other = {"manager": "kubectl", "subresource": "status", "time": "2025-01-01T00:00:00Z"}
    entries = [{"type": kind} for kind in conditions]
    return changed(metadata={"managedFields": [ours, other]}, status={**RECORDED, "conditions": entries})


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        pytest.param(BASE, changed(metadata={"generation": 2}), "generation 2", id="a new generation"),
        pytest.param(BASE, changed(status=RECORDED), "", id="our own status write"),
        pytest.param(BASE, changed(metadata={"resourceVersion": "2"}), "", id="a version alone"),
        pytest.param(BASE, changed(metadata={"finalizers": ["f"]}), "", id="our own finalizer"),
        pytest.param(
            BASE, changed(metadata={"annotations": {"a": "b"}}), "annotations changed", id="an annotation"
        ),
        pytest.param(
            BASE,
            changed(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
            "deployment is being deleted",
            id="a deletion",
        ),
        pytest.param(BASE, changed(metadata={"uid": "v"}), "deployment seen", id="another of the same name"),
        pytest.param(
            changed(status=RECORDED),
            BASE,
            STATUS_CHANGED,
            id="a provider erased from the status",
        ),
        pytest.param(
            changed(spec={"provider": {"name": "kaito"}}, status=RECORDED),
            changed(spec={"provider": {"name": "kaito"}}, status={"phase": "Running"}),
            STATUS_CHANGED,
            id="a provider erased that the spec names",
        ),
        pytest.param(
            changed(status=RECORDED),
            changed(status={"provider": {"name": "kaito"}}),
            STATUS_CHANGED,
            id="a phase erased",
        ),
        pytest.param(
            changed(status={**RECORDED, "conditions": [{"type": "Ready"}, {"type": "Validated"}]}),
            changed(status={**RECORDED, "conditions": [{"type": "Validated"}]}),
            STATUS_CHANGED,
            id="a condition erased",
        ),
        pytest.param(
            changed(status={**RECORDED, "conditions": [{"type": "Paused"}, {"type": "Validated"}]}),
            changed(status={**RECORDED, "conditions": [{"type": "Validated"}]}),
            "",
            id="a pause that ended",
        ),
        pytest.param(
            changed(status={**RECORDED, "conditions": [{"type": "Ready"}, {"type": "Reconciling"}]}),
            changed(status={**RECORDED, "conditions": [{"type": "Ready"}]}),
            "",
            id="a roll-out that ended in the second of the write before",
        ),
        pytest.param(
            written_by_us("00:00:01", "Ready", "FieldsContested"),
            written_by_us("00:00:02", "Ready"),
            "",
            id="a condition that we took away",
        ),
        pytest.param(
            written_by_us("00:00:01", "Ready", "FieldsContested"),
            written_by_us("00:00:01", "Ready"),
            STATUS_CHANGED,
            id="a condition erased that comes and goes",
        ),
        pytest.param(
            BASE,
            changed(metadata={"managedFields": [{"manager": "kubectl", "subresource": "status"}]}),
            STATUS_CHANGED,
            id="a status written by somebody else",
        ),
        pytest.param(
            of_another_controller("Deploying"),
            of_another_controller("Running"),
            "another controller says Running",
            id="a phase that another controller says",
        ),
        pytest.param(
            BASE,
            changed(metadata={"managedFields": [{"manager": "airunway", "subresource": "status"}]}),
            "",
            id="a status written by us",
        ),
    ],
)
def test_changes(before: dict[str, Any], after: dict[str, Any], change: str) -> None:
    assert DeploymentMark.of(after).change_since(DeploymentMark.of(before)) == change


def test_the_first_sight_is_a_change() -> None:
    assert DeploymentMark.of(BASE).change_since(None) == "deployment seen"


@pytest.mark.parametrize(
    ("after", "concerns_deployments"),
    [
        pytest.param({"airunway.ai/model-access": "namespace"}, True, id="who may call its models"),
        pytest.param({"airunway.ai/task-queue": "other"}, True, id="who serves it"),
        pytest.param({"airunway.ai/description": "other"}, False, id="words for people"),
    ],
)
def test_what_of_a_config_concerns_its_deployments(after: dict[str, str], concerns_deployments: bool) -> None:
    known = {"airunway.ai/model-access": "everybody", "airunway.ai/task-queue": "q"}
    before = {"metadata": {"name": "vllm", "annotations": known}}

    changed = {"metadata": {"name": "vllm", "annotations": {**known, **after}}}

    assert (ConfigMark.of(before) != ConfigMark.of(changed)) is concerns_deployments
