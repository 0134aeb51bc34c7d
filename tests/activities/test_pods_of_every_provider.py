"""Whatever a provider's operator says last, its pods are looked at before a deployment is called ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airunway.activities.upstream.reported_status import reported_status
from airunway.api.status import Phase, UnifiedStatus
from airunway.clients.kubernetes import PODS
from airunway.provider.registry import installed_providers
from tests.activities.deployment_site import REF, DeploymentSite

PROVIDERS = installed_providers()
WORKERS = {"ray.io/node-type": "worker", "ray.io/group": "workers"}
HEAD = {"ray.io/node-type": "head", "ray.io/group": "headgroup"}
AVAILABLE = {
    "spec": {"replicas": 1},
    "status": {
        "observedGeneration": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"}],
    },
}
SERVING: dict[str, dict[str, Any]] = {
    "kaito": {"resource": {"count": 1}, "status": {"state": "Ready"}},
    "dynamo": {
        "status": {
            "state": "successful",
            "services": {"VllmWorker": {"replicas": 1, "readyReplicas": 1}},
        }
    },
    "kuberay": {
        "spec": {"rayClusterConfig": {"workerGroupSpecs": [{"replicas": 1}]}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "activeServiceStatus": {"applicationStatuses": {"llm": {"status": "RUNNING"}}},
        },
    },
    "llmd": AVAILABLE,
    "vllm": AVAILABLE,
}
"""What each operator says of a main object with one replica that serves."""


def test_every_provider_is_here() -> None:
    assert SERVING.keys() == PROVIDERS.keys()


async def pod(place: DeploymentSite, name: str, provider: str, **labels: str) -> None:
    found = PROVIDERS[provider]
    own = {found.pod_label: REF.name, **found.replica_labels, **labels}
    body = {
        "metadata": {"name": name, "namespace": REF.namespace, "labels": own},
        "spec": {"containers": [{"name": "model", "image": "i"}]},
    }
    await place.cluster.create(PODS, body, namespace=REF.namespace)


async def say(place: DeploymentSite, name: str, **status: Any) -> None:
    await place.cluster.patch(PODS, name, {"status": status}, namespace=REF.namespace, subresource="status")


def ready(is_ready: bool) -> list[dict[str, str]]:
    return [{"type": "Ready", "status": "True" if is_ready else "False"}]


def waiting(reason: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason}}
    return {"conditions": ready(False), "containerStatuses": [{"name": "model", "state": state}]}


@dataclass(frozen=True)
class Seen:
    pods_seen: bool
    pod_label: str = ""


async def look(place: DeploymentSite, provider: str, *, pods_seen: bool = False) -> UnifiedStatus:
    found = PROVIDERS[provider]
    said = found.read_status({"metadata": {"name": REF.name, "generation": 1}, **SERVING[provider]})
    assert said.phase is Phase.RUNNING
    status = await reported_status(place.cluster, found, REF, said, seen=Seen(pods_seen))
    assert status is not None
    return status


EACH = pytest.mark.parametrize("provider", sorted(PROVIDERS))


async def test_pods_of_a_label_that_is_not_looked_for_any_more_are_not_missed(place: DeploymentSite) -> None:
    """A release of ours finds pods by another label than those of before, which run on as they were made."""
    said = UnifiedStatus(phase=Phase.RUNNING)

    status = await reported_status(
        place.cluster, PROVIDERS["vllm"], REF, said, seen=Seen(True, "acme.dev/label-of-before")
    )

    assert status is not None
    assert (status.phase, status.pods_seen) == (Phase.RUNNING, False)


@EACH
async def test_a_pod_that_serves_is_counted(place: DeploymentSite, provider: str) -> None:
    await pod(place, "chat-0", provider)
    await say(place, "chat-0", conditions=ready(True))

    status = await look(place, provider)

    assert (status.phase, status.message) == (Phase.RUNNING, "")
    assert status.replicas is not None
    assert status.replicas.dump() == {"desired": 1, "ready": 1, "available": 1}
    assert status.pods_seen


@EACH
@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(waiting("CrashLoopBackOff"), "CrashLoopBackOff", id="crash"),
        pytest.param(waiting("ImagePullBackOff"), "ImagePullBackOff", id="image"),
        pytest.param({"conditions": ready(False)}, "NotReady", id="not ready"),
        pytest.param({"conditions": ready(False), "reason": "NodeLost"}, "NodeLost", id="node lost"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, "Evicted", id="evicted"),
    ],
)
async def test_a_pod_that_does_not_serve_outweighs_the_operator(
    place: DeploymentSite, provider: str, state: dict[str, Any], words: str
) -> None:
    await pod(place, "chat-0", provider)
    await say(place, "chat-0", **state)

    status = await look(place, provider)

    assert status.phase is Phase.DEPLOYING
    assert f"pod chat-0 is not ready ({words})" in status.message
    assert status.replicas is not None
    assert (status.replicas.ready, status.replicas.available) == (0, 0)


@EACH
async def test_pods_that_are_gone_outweigh_the_operator(place: DeploymentSite, provider: str) -> None:
    status = await look(place, provider, pods_seen=True)

    assert status.phase is Phase.DEPLOYING
    assert status.message == "none of its pods is there any more"


@EACH
async def test_pods_of_another_deployment_say_nothing(place: DeploymentSite, provider: str) -> None:
    await pod(place, "other-0", provider, **{PROVIDERS[provider].pod_label: "other"})
    await say(place, "other-0", **waiting("CrashLoopBackOff"))

    assert (await look(place, provider)).phase is Phase.RUNNING


async def test_workers_of_ray_do_not_serve_without_their_head(place: DeploymentSite) -> None:
    await pod(place, "worker-0", "kuberay", **WORKERS)
    await say(place, "worker-0", conditions=ready(True))
    await pod(place, "head-0", "kuberay", **HEAD)
    await say(place, "head-0", **waiting("CrashLoopBackOff"))

    status = await look(place, "kuberay")

    assert status.phase is Phase.DEPLOYING
    assert "head-0" in status.message
    assert status.replicas is not None
    assert status.replicas.ready == 1, "the head is no replica"


async def test_where_pods_may_not_be_listed_the_word_of_the_operator_is_all_there_is(
    place: DeploymentSite,
) -> None:
    await pod(place, "chat-0", "vllm")
    place.emulated.faults.fail_next(
        code=403, reason="Forbidden", when=lambda method, path: method == "GET" and "/pods" in path
    )

    assert (await look(place, "vllm")).phase is Phase.RUNNING
