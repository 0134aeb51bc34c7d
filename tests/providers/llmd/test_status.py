"""What the Deployments' states mean for the ModelDeployment."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.providers.llmd import PROVIDER

AVAILABLE = {"type": "Available", "status": "True"}
UNAVAILABLE = {"type": "Available", "status": "False", "message": "minimum not reached"}
PROGRESSING = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
EXCEEDED = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": "timed out",
}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


def workload(
    *conditions: dict[str, Any],
    name: str = "big-decode",
    replicas: int = 3,
    generation: int = 2,
    **status: Any,
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, "conditions": list(conditions), **status},
    }


@pytest.mark.parametrize(
    ("given", "phase", "message"),
    [
        pytest.param(workload(), Phase.PENDING, "", id="nothing known yet"),
        pytest.param(workload(AVAILABLE, readyReplicas=3), Phase.RUNNING, "", id="available"),
        pytest.param(workload(UNAVAILABLE, PROGRESSING), Phase.DEPLOYING, "minimum", id="rolling out"),
        pytest.param(
            workload(UNAVAILABLE), Phase.FAILED, "minimum not reached", id="paused before it was up"
        ),
        pytest.param(workload(EXCEEDED), Phase.FAILED, "timed out", id="too slow"),
        pytest.param(
            workload(AVAILABLE, EXCEEDED),
            Phase.FAILED,
            "previous version",
            id="a change failed, the old serves",
        ),
        pytest.param(
            workload(AVAILABLE, generation=3),
            Phase.DEPLOYING,
            "latest change",
            id="the change was not seen yet",
        ),
        pytest.param(
            workload(AVAILABLE, updatedReplicas=1),
            Phase.DEPLOYING,
            "1 of 3",
            id="a change is half rolled out",
        ),
        pytest.param(
            workload(AVAILABLE, readyReplicas=2), Phase.RUNNING, "2 of 3", id="a replica is missing"
        ),
        pytest.param(workload(AVAILABLE), Phase.DEPLOYING, "0 of 3", id="none is ready"),
        pytest.param(workload(QUOTA), Phase.PENDING, "exceeded quota", id="pods cannot be made"),
    ],
)
def test_read_status(given: dict[str, Any], phase: Phase, message: str) -> None:
    status = PROVIDER.read_status(given)

    assert status.phase is phase
    assert message in status.message if message else status.message == ""


def test_counts_and_endpoint_are_those_of_the_primary() -> None:
    status = PROVIDER.read_status(workload(AVAILABLE, readyReplicas=3, availableReplicas=2))

    assert status.replicas and status.replicas.dump() == {"desired": 3, "ready": 3, "available": 2}
    assert status.endpoint and status.endpoint.dump() == {"service": "big-decode", "port": 8000}
    assert (status.resource_kind, status.resource_name) == ("Deployment", "big-decode")


def test_an_unreadable_deployment_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        PROVIDER.read_status({**workload(), "status": {"conditions": {}}})


SERVING = workload(AVAILABLE, readyReplicas=3)


def prefill(*conditions: dict[str, Any]) -> dict[str, Any]:
    return workload(*conditions, name="big-prefill", replicas=7, readyReplicas=7)


@pytest.mark.parametrize(
    ("main", "companions", "phase", "message"),
    [
        pytest.param(SERVING, [prefill(AVAILABLE)], Phase.RUNNING, "", id="both run"),
        pytest.param(
            SERVING,
            [prefill(PROGRESSING)],
            Phase.DEPLOYING,
            "big-prefill",
            id="prefill is not up",
        ),
        pytest.param(
            SERVING,
            [prefill(EXCEEDED)],
            Phase.FAILED,
            "big-prefill: timed out",
            id="prefill failed",
        ),
        pytest.param(
            workload(PROGRESSING),
            [prefill(EXCEEDED)],
            Phase.FAILED,
            "big-prefill",
            id="the failure is said early",
        ),
        pytest.param(
            workload(EXCEEDED),
            [prefill(EXCEEDED)],
            Phase.FAILED,
            "timed out",
            id="the primary's failure stays",
        ),
        pytest.param(
            SERVING,
            [{"kind": "Service", "metadata": {}}],
            Phase.RUNNING,
            "",
            id="Services say nothing",
        ),
    ],
)
def test_companions(
    main: dict[str, Any], companions: list[dict[str, Any]], phase: Phase, message: str
) -> None:
    alone = PROVIDER.read_status(main)

    status = PROVIDER.with_companions(alone, companions)

    assert status.phase is phase
    assert message in status.message
    assert (status.replicas, status.endpoint) == (alone.replicas, alone.endpoint)
