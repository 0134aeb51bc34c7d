"""From a RayService to the status of a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.providers.kuberay import PROVIDER

FAILED = {"llm": {"status": "DEPLOY_FAILED", "message": "CUDA out of memory"}}
RUNNING = {"llm": {"status": "RUNNING"}}
DEPLOYING = {"llm": {"status": "DEPLOYING"}}


def ray_service(
    *,
    generation: int | None = None,
    observed: int | None = None,
    conditions: Any = None,
    active: Any = None,
    pending: Any = None,
    **status: Any,
) -> dict[str, Any]:
    found = {
        "observedGeneration": observed,
        "conditions": conditions,
        "activeServiceStatus": active and {"applicationStatuses": active},
        "pendingServiceStatus": pending and {"applicationStatuses": pending},
        **status,
    }
    return {
        "metadata": {"name": "chat", "generation": generation},
        "spec": {"rayClusterConfig": {"workerGroupSpecs": [{"replicas": 2}, {"replicas": 1}, {}]}},
        "status": {key: value for key, value in found.items() if value is not None},
    }


def condition(kind: str, status: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": "Any", "message": message}


READY = condition("Ready", "True", "serving")
NOT_READY = condition("Ready", "False", "no endpoint")
OLD_READY = condition("RayServiceReady", "True")
OLD_NOT_READY = condition("RayServiceReady", "False", "starting")
UPGRADING = condition("UpgradeInProgress", "True")


@pytest.mark.parametrize(
    ("service", "phase", "message"),
    [
        pytest.param(ray_service(), "Pending", "", id="nothing yet"),
        pytest.param(ray_service(conditions=[OLD_READY]), "Running", "", id="ready by the expected name"),
        pytest.param(ray_service(conditions=[READY]), "Running", "", id="ready by KubeRay's name"),
        pytest.param(ray_service(conditions=[NOT_READY]), "Deploying", "no endpoint", id="not ready"),
        pytest.param(
            ray_service(conditions=[OLD_NOT_READY, READY]),
            "Deploying",
            "starting",
            id="the expected name counts",
        ),
        pytest.param(
            ray_service(conditions=[condition("RayServiceReady", "Unknown"), READY]),
            "Running",
            "",
            id="unknown",
        ),
        pytest.param(ray_service(active=RUNNING), "Running", "", id="applications run"),
        pytest.param(
            ray_service(active=RUNNING, conditions=[NOT_READY]),
            "Deploying",
            "no endpoint",
            id="but no endpoint",
        ),
        pytest.param(
            ray_service(active=RUNNING, conditions=[OLD_NOT_READY]),
            "Deploying",
            "starting",
            id="but not by the expected name",
        ),
        pytest.param(
            ray_service(conditions=[condition("HeadReady", "False", "no node for the head")]),
            "Pending",
            "no node for the head",
            id="what any condition says",
        ),
        pytest.param(
            ray_service(
                pendingServiceStatus={
                    "rayClusterName": "chat-b",
                    "rayClusterStatus": {
                        "conditions": [condition("ReplicaFailure", "True", "exceeded quota: gpus")]
                    },
                }
            ),
            "Pending",
            "exceeded quota: gpus",
            id="what its cluster says",
        ),
        pytest.param(
            ray_service(active={**RUNNING, "b": {"status": "UNHEALTHY"}}), "Deploying", "", id="one is not"
        ),
        pytest.param(ray_service(active=FAILED), "Failed", "CUDA out of memory", id="failed"),
        pytest.param(
            ray_service(active=FAILED, conditions=[READY]),
            "Failed",
            "CUDA out of memory",
            id="failed in place",
        ),
        pytest.param(
            ray_service(
                active={"b": {"status": "DEPLOY_FAILED", "message": "second"}, **RUNNING, "a": FAILED["llm"]}
            ),
            "Failed",
            "CUDA out of memory",
            id="first by name",
        ),
        pytest.param(
            ray_service(active={"llm": {"status": "DEPLOY_FAILED"}}, conditions=[NOT_READY]),
            "Failed",
            "no endpoint",
            id="failed, the condition says why",
        ),
        pytest.param(
            ray_service(active={"llm": {"status": "DEPLOY_FAILED"}}),
            "Failed",
            "Ray Serve reports that an application failed to deploy, without a cause",
            id="failed without a cause",
        ),
        pytest.param(
            ray_service(pending=FAILED, conditions=[NOT_READY]),
            "Failed",
            "CUDA out of memory",
            id="first roll-out",
        ),
        pytest.param(ray_service(pending=RUNNING), "Pending", "", id="not switched over yet"),
        pytest.param(
            ray_service(pending=DEPLOYING, active=RUNNING, conditions=[READY]),
            "Deploying",
            "the latest change is being rolled out; the previous version still serves",
            id="the previous version serves",
        ),
        pytest.param(
            ray_service(conditions=[READY, UPGRADING]),
            "Deploying",
            "the latest change is being rolled out; the previous version still serves",
            id="upgrade in progress",
        ),
        pytest.param(
            ray_service(active=RUNNING, pendingServiceStatus={"rayClusterName": "chat-raycluster-b"}),
            "Deploying",
            "the latest change is being rolled out; the previous version still serves",
            id="the next cluster is made",
        ),
        pytest.param(
            ray_service(pending=FAILED, active=RUNNING),
            "Failed",
            "the roll-out failed, the previous version still serves: CUDA out of memory",
            id="failed beside the old one",
        ),
        pytest.param(
            ray_service(active=RUNNING, generation=3, observed=2),
            "Deploying",
            "KubeRay has not taken up the latest change yet",
            id="an older generation runs",
        ),
        pytest.param(
            ray_service(active=FAILED, generation=3, observed=2),
            "Deploying",
            "KubeRay has not taken up the latest change yet",
            id="an older generation failed",
        ),
        pytest.param(
            ray_service(active=RUNNING, generation=3, observed=3), "Running", "", id="this generation"
        ),
        pytest.param(
            ray_service(active={"llm": {"status": "DEPLOYING", "message": "loading"}}),
            "Deploying",
            "loading",
            id="says",
        ),
        pytest.param(
            ray_service(
                pending={
                    "llm": {
                        "status": "DEPLOYING",
                        "serveDeploymentStatuses": {
                            "a": {"status": "HEALTHY", "message": "fine"},
                            "b": {"status": "UPDATING", "message": "waits for 4 GPUs"},
                        },
                    }
                }
            ),
            "Pending",
            "waits for 4 GPUs",
            id="what a deployment waits for",
        ),
        pytest.param(ray_service(active={"llm": "?"}), "Pending", "", id="an entry of another shape"),
        pytest.param(ray_service(activeServiceStatus="?"), "Pending", "", id="a cluster of another shape"),
    ],
)
def test_state_of_a_ray_service(service: dict[str, Any], phase: str, message: str) -> None:
    status = PROVIDER.read_status(service)

    assert (status.phase.value, status.message) == (phase, message)
    assert status.endpoint is not None
    assert status.endpoint.dump() == {"service": "chat-serve-svc", "port": 8000}
    assert (status.resource_name, status.resource_kind) == ("chat", "RayService")


@pytest.mark.parametrize(
    ("cluster", "counts"),
    [
        pytest.param({"readyWorkerReplicas": 2}, {"ready": 2, "available": 2}, id="as KubeRay counts"),
        pytest.param({"readyWorkerReplicas": 0}, {"ready": 0, "available": 0}, id="none"),
        pytest.param({}, {}, id="it counts none: pods are counted"),
        pytest.param({"readyWorkerReplicas": "3"}, {}, id="no number"),
        pytest.param(
            {"availableWorkerReplicas": 1, "desiredWorkerReplicas": 2},
            {"desired": 2, "ready": 1, "available": 1},
            id="as its cluster has them, not as the RayService asks",
        ),
        pytest.param(
            {"availableWorkerReplicas": 2, "readyWorkerReplicas": 1, "desiredWorkerReplicas": 3},
            {"desired": 3, "ready": 1, "available": 2},
            id="started and ready are not the same",
        ),
        pytest.param(
            {"state": "ready", "observedGeneration": 4},
            {"desired": 0, "ready": 0, "available": 0},
            id="a count of zero is left out",
        ),
        pytest.param(
            {"state": "ready", "availableWorkerReplicas": 1},
            {"desired": 0, "ready": 0, "available": 0},
            id="one that is on its way out",
        ),
    ],
)
def test_replicas(cluster: Any, counts: dict[str, int]) -> None:
    active = {"applicationStatuses": RUNNING, "rayClusterStatus": cluster}
    replicas = PROVIDER.read_status(ray_service(activeServiceStatus=active)).replicas

    assert replicas is not None
    assert replicas.dump() == {"desired": 3, **counts}


def test_while_another_cluster_comes_up_the_counts_are_those_of_the_one_that_serves() -> None:
    service = ray_service(
        conditions=[READY, UPGRADING],
        activeServiceStatus={
            "rayClusterName": "chat-a",
            "applicationStatuses": RUNNING,
            "rayClusterStatus": {"availableWorkerReplicas": 2, "desiredWorkerReplicas": 2},
        },
        pendingServiceStatus={
            "rayClusterName": "chat-b",
            "rayClusterStatus": {"availableWorkerReplicas": 1, "desiredWorkerReplicas": 5},
        },
    )

    status = PROVIDER.read_status(service)

    assert status.phase.value == "Deploying"
    assert status.replicas is not None
    assert status.replicas.dump() == {"desired": 2, "ready": 2, "available": 2}


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        pytest.param({"reason": "exceeded quota"}, "exceeded quota", id="without conditions"),
        pytest.param({"reason": "exceeded quota", "conditions": []}, "", id="its condition is gone"),
        pytest.param(
            {"reason": "old", "conditions": [condition("ReplicaFailure", "True", "new")]},
            "new",
            id="it has another one",
        ),
        pytest.param(
            {"reason": "old", "conditions": [condition("ReplicaFailure", "False", "old")]},
            "",
            id="its condition is over",
        ),
    ],
)
def test_a_failure_of_pods_goes_with_its_cause(cluster: dict[str, Any], message: str) -> None:
    """KubeRay clears the reason when all pods run, and the condition when pods can be made again."""
    service = ray_service(pendingServiceStatus={"rayClusterName": "chat-a", "rayClusterStatus": cluster})

    assert PROVIDER.read_status(service).message == message


def test_a_clusters_own_status_is_newer_than_the_copy() -> None:
    """KubeRay renews the copy only when something else of the RayService's status changes."""
    assert PROVIDER.operator_objects is not None
    service = ray_service(
        activeServiceStatus={
            "rayClusterName": "chat-a",
            "applicationStatuses": RUNNING,
            "rayClusterStatus": {"availableWorkerReplicas": 1, "desiredWorkerReplicas": 1},
        },
        pendingServiceStatus={"rayClusterName": "chat-b", "rayClusterStatus": {"reason": "old"}},
    )
    own = {"state": "ready", "availableWorkerReplicas": 3, "desiredWorkerReplicas": 3}
    made = [{"metadata": {"name": "chat-a"}, "status": own}, {"metadata": {"name": "chat-b"}}]

    seen = PROVIDER.operator_objects.with_states(service, made)

    assert seen["status"]["activeServiceStatus"]["rayClusterStatus"] == own
    assert seen["status"]["pendingServiceStatus"] == service["status"]["pendingServiceStatus"]
    replicas = PROVIDER.read_status(seen).replicas
    assert replicas is not None
    assert replicas.dump() == {"desired": 3, "ready": 3, "available": 3}


@pytest.mark.parametrize(
    "service",
    [
        pytest.param({"metadata": {"name": "chat"}, "status": {"conditions": "none"}}, id="conditions"),
        pytest.param({"metadata": {"name": "chat"}, "status": "none"}, id="status"),
    ],
)
def test_an_unreadable_object(service: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="status"):
        PROVIDER.read_status(service)
