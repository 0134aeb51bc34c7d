"""The stages before the main objects: a long wait says why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.activities.upstream.stages import judge_stages
from airunway.api.conditions import condition
from airunway.clients.kubernetes import PODS, Cluster
from airunway.provider.contract import Stage, StageVerdict
from kube_emulator import EmulatedCluster
from tests.e2e.acme import ACME

UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available",
        }
    ],
}


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as connected:
        yield connected
    await emulated.stop()


def waiting(pod_selector: str) -> Stage:
    said = condition("Downloaded", "False", "InProgress", "in progress")
    verdict = StageVerdict(condition=said, retry_seconds=15, pod_selector=pod_selector)
    return Stage(condition="Downloaded", reads=[], judge=lambda live: verdict)


@pytest.mark.parametrize(
    ("selector", "says_why"),
    [
        pytest.param("job=download", True, id="its pods"),
        pytest.param("job=other", False, id="the pods of another"),
        pytest.param("", False, id="no pods to ask"),
    ],
)
async def test_a_wait_says_what_its_pods_say(cluster: Cluster, selector: str, says_why: bool) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "download-x", "labels": {"job": "download"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    await cluster.create(PODS, pod, namespace="default")
    status = {"status": UNSCHEDULABLE}
    await cluster.patch(PODS, "download-x", status, namespace="default", subresource="status")

    result = await judge_stages(cluster, ACME, [waiting(selector)], namespace="default")

    assert result.waiting.startswith("in progress")
    assert ("0/3 nodes are available" in result.waiting) is says_why
    assert [entry.message for entry in result.conditions] == [result.waiting]
