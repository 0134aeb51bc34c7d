"""Scaled to zero: no replica is counted, and what still runs is said, whichever provider has made it."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.activities.upstream.reported_status import reported_status
from airunway.api.status import Phase, UnifiedStatus
from airunway.clients.kubernetes import PODS
from airunway.provider.registry import installed_providers
from tests.activities.deployment_site import REF, DeploymentSite
from tests.activities.test_pods_of_every_provider import HEAD, WORKERS, Seen, pod, ready, say

PROVIDERS = installed_providers()
NONE_LEFT = {
    "spec": {"replicas": 0},
    "status": {"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]},
}
AT_ZERO: dict[str, dict[str, Any]] = {
    "kuberay": {
        "spec": {"rayClusterConfig": {"workerGroupSpecs": [{"groupName": "workers", "replicas": 0}]}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "activeServiceStatus": {
                "applicationStatuses": {"llm": {"status": "RUNNING"}},
                # A pod that is on its way out is counted until it is gone.
                "rayClusterStatus": {
                    "state": "ready",
                    "readyWorkerReplicas": 1,
                    "availableWorkerReplicas": 1,
                },
            },
        },
    },
    "llmd": NONE_LEFT,
    "vllm": NONE_LEFT,
}
"""What is said of a main object without replicas, by those whose replicas can be none."""
EACH = pytest.mark.parametrize("provider", sorted(AT_ZERO))


def test_of_the_others_none_is_ever_at_zero() -> None:
    assert PROVIDERS.keys() - AT_ZERO.keys() == {"dynamo", "kaito"}
    workers = {"Frontend": {"replicas": 1, "readyReplicas": 1}, "VllmWorker": {"replicas": 0}}
    graph = {"metadata": {"name": REF.name}, "status": {"state": "successful", "services": workers}}
    counted = PROVIDERS["dynamo"].read_status(graph).replicas
    assert counted is not None
    assert counted.dump() == {"desired": 1, "ready": 1, "available": 1}, "the frontend stays, and is counted"


async def worker(place: DeploymentSite, provider: str, name: str, *, is_ending: bool = False) -> None:
    await pod(place, name, provider, **(WORKERS if provider == "kuberay" else {}))
    await say(place, name, conditions=ready(True))
    if is_ending:
        held = {"metadata": {"finalizers": ["example.com/node"]}}
        await place.cluster.patch(PODS, name, held, namespace=REF.namespace)
        await place.cluster.delete(PODS, name, namespace=REF.namespace)


async def look(place: DeploymentSite, provider: str) -> UnifiedStatus:
    found = PROVIDERS[provider]
    said = found.read_status({"metadata": {"name": REF.name, "generation": 1}, **AT_ZERO[provider]})
    assert said.phase is Phase.RUNNING
    status = await reported_status(place.cluster, found, REF, said, seen=Seen(True))
    assert status is not None
    assert status.replicas is not None
    assert status.replicas.dump() == {"desired": 0, "ready": 0, "available": 0}
    return status


@EACH
async def test_what_still_runs_is_said(place: DeploymentSite, provider: str) -> None:
    await worker(place, provider, "chat-0")
    await worker(place, provider, "chat-1", is_ending=True)
    if provider == "kuberay":
        await pod(place, "head", provider, **HEAD)  # which stays, and is no replica
        await say(place, "head", conditions=ready(True))

    status = await look(place, provider)

    assert status.phase is Phase.RUNNING
    assert status.message == "no replica is asked for; still there: pod chat-0, pod chat-1 (ending)"


@EACH
async def test_once_it_is_gone_nothing_is_said(place: DeploymentSite, provider: str) -> None:
    status = await look(place, provider)

    assert (status.phase, status.message) == (Phase.RUNNING, "")
