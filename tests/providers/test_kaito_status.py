"""What the state of a Workspace means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.providers.kaito import PROVIDER


def workspace(status: Any, *, generation: int = 0, count: Any = 2) -> dict[str, Any]:
    metadata = {"name": "chat", "namespace": "team-a", "generation": generation}
    return {"kind": "Workspace", "metadata": metadata, "resource": {"count": count}, "status": status}


def condition(kind: str, status: str, message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "message": message}


@dataclass(frozen=True)
class Case:
    reason: str
    status: Any
    phase: Phase
    message: str = ""
    generation: int = 0


NODES = condition("NodesReady", "False", "no node is ready")
CASES = [
    Case("ready", {"state": "Ready"}, Phase.RUNNING),
    Case("succeeded", {"state": "Succeeded"}, Phase.RUNNING),
    *(
        Case(
            f"its own condition {kind} says otherwise",
            {"state": "Ready", "conditions": [condition(kind, "False", "0/1 pods are ready")]},
            Phase.DEPLOYING,
            "0/1 pods",
        )
        for kind in ("ResourceReady", "InferenceReady", "WorkspaceSucceeded")
    ),
    Case(
        "a condition without a message has a reason",
        {"state": "Pending", "conditions": [{"type": "NodeReady", "status": "Unknown", "reason": "NoNodes"}]},
        Phase.PENDING,
        "NoNodes",
    ),
    Case(
        "a state that is not known hides no condition",
        {"state": "Odd", "conditions": [NODES]},
        Phase.PENDING,
        "no node is ready",
    ),
    Case("not ready", {"state": "NotReady"}, Phase.DEPLOYING),
    Case("tuning", {"state": "Running"}, Phase.DEPLOYING, "fine-tuning"),
    Case("pending", {"state": "Pending"}, Phase.PENDING),
    Case("a state that is not known", {"state": "Odd"}, Phase.PENDING, "Odd"),
    Case("failed without a cause", {"state": "Failed"}, Phase.FAILED, "without a cause"),
    Case("failed with a cause", {"state": "Failed", "conditions": [NODES]}, Phase.FAILED, "no node is ready"),
    Case("why it is not ready yet", {"state": "NotReady", "conditions": [NODES]}, Phase.DEPLOYING, "no node"),
    Case(
        "nodes come before the pods that need them",
        {"state": "NotReady", "conditions": [condition("InferenceReady", "False", "pods"), NODES]},
        Phase.DEPLOYING,
        "no node",
    ),
    Case(
        "the state wins over the condition",
        {"state": "NotReady", "conditions": [condition("WorkspaceSucceeded", "False", "m")]},
        Phase.DEPLOYING,
        "m",
    ),
    Case(
        "failed by its condition",
        {"conditions": [condition("WorkspaceSucceeded", "False", "denied")]},
        Phase.FAILED,
        "denied",
    ),
    Case(
        "of equal conditions the last counts",
        {"conditions": [condition("WorkspaceSucceeded", "False"), condition("WorkspaceSucceeded", "True")]},
        Phase.RUNNING,
    ),
    Case("nodes are there", {"conditions": [condition("ResourceReady", "True")]}, Phase.DEPLOYING),
    Case(
        "an old state says nothing about the new generation",
        {"state": "Ready", "observedGeneration": 1},
        Phase.DEPLOYING,
        "latest change",
        generation=2,
    ),
    Case(
        "KAITO does not renew the generation of an unchanged condition",
        {
            "state": "Ready",
            "conditions": [{**condition("WorkspaceSucceeded", "True"), "observedGeneration": 1}],
        },
        Phase.RUNNING,
        generation=2,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_read_status(case: Case) -> None:
    read = PROVIDER.read_status(workspace(case.status, generation=case.generation))

    assert read.phase is case.phase
    assert case.message in read.message if case.message else read.message == ""
    assert read.replicas and read.endpoint
    assert read.replicas.dump() == {"desired": 2}, "a Workspace counts no pods"
    assert read.endpoint.dump() == {"service": "chat", "port": 80}
    assert (read.resource_name, read.resource_kind) == ("chat", "Workspace")


@pytest.mark.parametrize("status", [None, {}, {"state": "", "conditions": []}], ids=repr)
def test_a_workspace_without_a_state_has_no_endpoint_yet(status: Any) -> None:
    read = PROVIDER.read_status(workspace(status))

    assert (read.phase, read.replicas, read.endpoint) == (Phase.PENDING, None, None)


@pytest.mark.parametrize(
    "status", ["Ready", {"conditions": "none"}, {"conditions": {"Ready": "True"}}], ids=repr
)
def test_a_status_of_another_shape_is_not_readable(status: Any) -> None:
    with pytest.raises(ValueError):
        PROVIDER.read_status(workspace(status))


@pytest.mark.parametrize("count", [None, "2", 2.5, True], ids=repr)
def test_a_count_that_is_no_integer_is_zero(count: Any) -> None:
    read = PROVIDER.read_status(workspace({"state": "Ready"}, count=count))

    assert read.replicas and read.replicas.desired == 0


def test_a_state_that_is_no_text_says_nothing() -> None:
    ready = [{"type": "WorkspaceSucceeded", "status": "True"}]

    with_conditions, alone = ({"state": 1, "conditions": ready}, {"state": {"a": "b"}})

    assert PROVIDER.read_status(workspace(with_conditions)).phase is Phase.RUNNING
    assert PROVIDER.read_status(workspace(alone)).phase is Phase.PENDING
