"""What the state of a Deployment means for a model server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.providers.vllm import PROVIDER


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


AVAILABLE = condition("Available", "True")
UNAVAILABLE = condition("Available", "False", message="not enough")
DONE = condition("Progressing", "True", "NewReplicaSetAvailable")
ROLLING = condition("Progressing", "True", "ReplicaSetUpdated")
LATE = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")


@dataclass(frozen=True)
class Case:
    reason: str
    phase: Phase
    conditions: list[dict[str, Any]]
    message: str = ""
    status: dict[str, Any] = field(default_factory=dict)
    replicas: Any = 2
    generation: int = 2


FULL = {"observedGeneration": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
CASES = [
    Case("no conditions yet", Phase.PENDING, []),
    Case("rolled out", Phase.RUNNING, [AVAILABLE, DONE], status=FULL),
    Case("available, and no more is said", Phase.RUNNING, [AVAILABLE], status={"readyReplicas": 2}),
    Case("the first roll-out", Phase.DEPLOYING, [UNAVAILABLE, ROLLING], "not enough"),
    Case(
        "what a roll-out does",
        Phase.DEPLOYING,
        [condition("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet chat-1 is progressing")],
        "is progressing",
    ),
    Case("too late", Phase.FAILED, [UNAVAILABLE, LATE], "timed out"),
    Case("too late, and why", Phase.FAILED, [UNAVAILABLE, LATE, QUOTA], "exceeded quota"),
    Case("too late without a message", Phase.FAILED, [{**LATE, "message": ""}], "no progress in time"),
    Case("unavailable with a message", Phase.FAILED, [UNAVAILABLE], "not enough"),
    Case("unavailable without one", Phase.PENDING, [condition("Available", "False")]),
    Case("nothing is known", Phase.PENDING, [condition("Available", "Unknown")]),
    Case("a replica is missing", Phase.RUNNING, [AVAILABLE, DONE], "1 of 2", {**FULL, "readyReplicas": 1}),
    Case("a replica cannot be made", Phase.RUNNING, [AVAILABLE, DONE, QUOTA], "exceeded quota", FULL),
    Case("pods cannot be made", Phase.DEPLOYING, [ROLLING, QUOTA], "exceeded quota"),
    Case("pods cannot be made at all", Phase.PENDING, [QUOTA], "exceeded quota"),
    Case(
        "the new version is not complete",
        Phase.DEPLOYING,
        [AVAILABLE, DONE],
        "1 of 2 replicas run the latest",
        {**FULL, "updatedReplicas": 1},
    ),
    Case(
        "a count that is no number", Phase.RUNNING, [AVAILABLE, DONE], status={**FULL, "updatedReplicas": "1"}
    ),
    Case(
        "the new version has no pod yet",
        Phase.DEPLOYING,
        [AVAILABLE, ROLLING],
        "being rolled out",
        {"observedGeneration": 2, "readyReplicas": 2},
    ),
    Case(
        "the change was not seen yet",
        Phase.DEPLOYING,
        [AVAILABLE, DONE],
        "latest change",
        {**FULL, "observedGeneration": 1},
    ),
    Case(
        "an old failure says nothing about the new version",
        Phase.DEPLOYING,
        [UNAVAILABLE, LATE],
        "latest change",
        {"observedGeneration": 1},
    ),
    Case(
        "the new version failed beside the old one",
        Phase.FAILED,
        [AVAILABLE, LATE],
        "the previous version still serves: timed out",
        FULL,
    ),
    Case("scaled to zero", Phase.RUNNING, [AVAILABLE, DONE], status={"observedGeneration": 2}, replicas=0),
    Case("a count that is absent is zero", Phase.DEPLOYING, [AVAILABLE, DONE], "0 of 2 replicas are ready"),
    Case("a count of zero", Phase.DEPLOYING, [AVAILABLE, DONE], "0 of 2", {**FULL, "readyReplicas": 0}),
    Case("counts that are texts count as zero", Phase.RUNNING, [AVAILABLE], replicas="2"),
    Case("odd entries are skipped", Phase.RUNNING, ["x", {"type": 5}, {}, AVAILABLE], status=FULL),  # type: ignore[list-item]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_deployment_status(case: Case) -> None:
    read = PROVIDER.read_status(
        {
            "metadata": {"name": "chat", "generation": case.generation},
            "spec": {"replicas": case.replicas},
            "status": {**case.status, "conditions": case.conditions},
        }
    )

    assert read.phase is case.phase
    assert case.message in read.message if case.message else read.message == ""
    assert read.endpoint and read.endpoint.dump() == {"service": "chat", "port": 8000}
    assert (read.resource_name, read.resource_kind) == ("chat", "Deployment")


def test_replica_counts() -> None:
    read = PROVIDER.read_status(
        {
            "metadata": {"name": "chat"},
            "spec": {"replicas": 4},
            "status": {"readyReplicas": 3, "availableReplicas": 3, "conditions": [AVAILABLE]},
        }
    )

    assert read.replicas and read.replicas.dump() == {"desired": 4, "ready": 3, "available": 3}


@pytest.mark.parametrize("status", ["text", {"conditions": {}}, {"conditions": "x"}], ids=repr)
def test_a_status_of_another_shape_is_not_readable(status: Any) -> None:
    with pytest.raises(ValueError):
        PROVIDER.read_status({"metadata": {"name": "chat"}, "status": status})
