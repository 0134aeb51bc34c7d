"""What the state of a DynamoGraphDeployment means."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from tests.providers.dynamo.rendered import FRONTEND, graph


def live(status: Any, *, generation: int | None = None, services: Any = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "chat", "namespace": "team-a"}
    if generation is not None:
        metadata["generation"] = generation
    found = {"metadata": metadata, "spec": {"backendFramework": "vllm"}, "status": status}
    if services is not None:
        found["spec"]["services"] = services
    return found


def conditions(*entries: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "message": message} for kind, status, message in entries]


@pytest.mark.parametrize(
    ("status", "generation", "phase", "message"),
    [
        pytest.param({"state": "successful"}, None, Phase.RUNNING, "", id="successful"),
        pytest.param({"state": "initializing"}, None, Phase.DEPLOYING, "", id="initializing"),
        pytest.param({"state": "deploying"}, None, Phase.DEPLOYING, "", id="deploying"),
        pytest.param({"state": "pending"}, None, Phase.PENDING, "", id="pending"),
        pytest.param({"state": "Successful"}, None, Phase.PENDING, "", id="an unknown state"),
        pytest.param({}, None, Phase.PENDING, "", id="no state yet"),
        pytest.param(None, None, Phase.PENDING, "", id="no status yet"),
        pytest.param({"state": "failed", "message": "m"}, None, Phase.FAILED, "m", id="failed, and says why"),
        pytest.param(
            {"state": "failed", "error": "no image"},
            None,
            Phase.FAILED,
            "no image",
            id="failed with an error",
        ),
        pytest.param(
            {"state": "failed", "conditions": conditions(("A", "True", "x"), ("B", "False", "no node"))},
            None,
            Phase.FAILED,
            "no node",
            id="failed, and the first False condition says why",
        ),
        pytest.param(
            {"state": "failed", "conditions": "odd"},
            None,
            Phase.FAILED,
            "Dynamo reports that the deployment failed, without a cause",
            id="failed without a word",
        ),
        pytest.param(
            {"state": "successful", "services": {"W": {"replicas": 3, "readyReplicas": 2}}},
            None,
            Phase.RUNNING,
            "2 of 3 replicas are ready",
            id="serving with fewer replicas",
        ),
        pytest.param(
            {"state": "pending", "conditions": conditions(("Ready", "False", "worker pods 0/1"))},
            None,
            Phase.PENDING,
            "worker pods 0/1",
            id="what a pending graph waits for",
        ),
        pytest.param(
            {"state": "deploying", "conditions": conditions(("Ready", "Unknown", "worker pods 0/1"))},
            None,
            Phase.DEPLOYING,
            "worker pods 0/1",
            id="what is not known is said",
        ),
        pytest.param(
            {"state": "initializing", "message": "m", "error": "no image"},
            None,
            Phase.DEPLOYING,
            "m",
            id="its own message comes first",
        ),
        pytest.param(
            {"state": "successful", "conditions": conditions(("Ready", "False", "worker pods 0/1"))},
            None,
            Phase.DEPLOYING,
            "worker pods 0/1",
            id="its own condition says otherwise",
        ),
        pytest.param(
            {
                "state": "successful",
                "services": {"F": {"replicas": 1, "readyReplicas": 1}, "W": {"replicas": 2}},
            },
            None,
            Phase.DEPLOYING,
            "0 of 2 replicas of service W are ready",
            id="a count that is absent is zero",
        ),
        pytest.param(
            {"state": "successful", "observedGeneration": 3},
            3,
            Phase.RUNNING,
            "",
            id="the current generation",
        ),
        pytest.param(
            {"state": "successful", "observedGeneration": 2},
            3,
            Phase.DEPLOYING,
            "Dynamo has not taken up the latest change yet",
            id="an earlier generation was rolled out",
        ),
        pytest.param(
            {"state": "failed", "observedGeneration": 2},
            3,
            Phase.DEPLOYING,
            "Dynamo has not taken up the latest change yet",
            id="an earlier generation failed",
        ),
    ],
)
def test_read_status(status: Any, generation: int | None, phase: Phase, message: str) -> None:
    found = PROVIDER.read_status(live(status, generation=generation))

    assert (found.phase, found.message) == (phase, message)
    assert (found.resource_name, found.resource_kind) == ("chat", "DynamoGraphDeployment")


def test_whole_answer_as_in_the_contracts_example() -> None:
    services = {
        "Epp": {"replicas": 1, "readyReplicas": 1},
        "VllmWorker": {"replicas": 3, "availableReplicas": 2},
    }

    found = PROVIDER.read_status(live({"state": "deploying", "services": services}))

    assert found == UnifiedStatus(
        phase=Phase.DEPLOYING,
        replicas=ReplicaStatus(desired=4, ready=3, available=3),
        endpoint=EndpointStatus(service="chat-frontend", port=8000),
        resource_name="chat",
        resource_kind="DynamoGraphDeployment",
    )


@pytest.mark.parametrize(
    ("status", "want"),
    [
        pytest.param({}, (0, 0, 0), id="nothing is known"),
        pytest.param(
            {"services": {"W": {"replicas": 4}, "X": "odd", "Y": {"replicas": "5"}}},
            (4, 0, 0),
            id="odd parts",
        ),
        pytest.param(
            {"readyReplicas": 9, "services": {"W": {"replicas": 2, "readyReplicas": 2}}},
            (2, 9, 2),
            id="a count of the graph wins",
        ),
        pytest.param({"services": []}, (0, 0, 0), id="services as a list"),
    ],
)
def test_replicas(status: dict[str, Any], want: tuple[int, int, int]) -> None:
    replicas = PROVIDER.read_status(live(status)).replicas

    assert replicas == ReplicaStatus(desired=want[0], ready=want[1], available=want[2])


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param(live(None), None, id="nothing is reported yet"),
        pytest.param(live({}), ("chat-frontend", 8000), id="services are not in sight"),
        pytest.param(
            live({}, services=graph(deployment(**FRONTEND))["spec"]["services"]),
            ("chat-frontend", 8000),
            id="a frontend",
        ),
        pytest.param(
            live({}, services=graph(deployment())["spec"]["services"]),
            None,
            id="a picker has no such Service",
        ),
        pytest.param(
            live({"endpoint": {"service": "door", "port": 80}}, services={"Epp": {"componentType": "epp"}}),
            ("door", 80),
            id="as the graph says",
        ),
        pytest.param(
            live({"endpoint": {"service": ""}}), ("chat-frontend", 8000), id="an endpoint without a name"
        ),
        pytest.param(live({"endpoint": "odd"}), ("chat-frontend", 8000), id="an endpoint that is no object"),
    ],
)
def test_endpoint(given: dict[str, Any], want: tuple[str, int] | None) -> None:
    endpoint = PROVIDER.read_status(given).endpoint

    assert (endpoint and (endpoint.service, endpoint.port)) == want


@pytest.mark.parametrize("status", ["successful", {"state": 1}])
def test_unreadable_status(status: Any) -> None:
    with pytest.raises(ValueError, match=r"status|state"):
        PROVIDER.read_status(live(status))
