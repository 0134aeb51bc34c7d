"""The main job on production-like servers: Temporal on PostgreSQL, a real API server, two worker processes.

One worker is killed on the way; nothing is lost and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from airunway.clients.kubernetes import DEPLOYMENTS, EVENTS, Cluster, Object
from benchmarks.instant_operator import WORKSPACES, InstantOperator
from benchmarks.stage import until_provider_ready
from benchmarks.workload import NAMESPACE
from tests.real.processes import Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DEPLOYED = 30


def deployment(name: str) -> Object:
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"id": "Qwen/Qwen3-0.6B"},
            "provider": {"name": "kaito"},
            "engine": {"type": "vllm"},
            "resources": {"gpu": {"count": 1}},
        },
    }


@pytest.fixture
def processes(
    real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> Iterator[Processes]:
    running = Processes(real_cluster.kubeconfig, real_temporal.address, tmp_path)
    yield running
    running.stop()


async def phases(cluster: Cluster) -> dict[str, str]:
    listing = await cluster.listing(DEPLOYMENTS, namespace=NAMESPACE)
    return {obj["metadata"]["name"]: (obj.get("status") or {}).get("phase", "") for obj in listing.items}


async def test_a_worker_killed_on_the_way_costs_nothing(cluster: Cluster, processes: Processes) -> None:
    processes.start("worker", "--provider", "kaito")
    victim = processes.start("worker", "--provider", "kaito")
    processes.start("watcher")
    operator = InstantOperator(cluster)
    answering = asyncio.create_task(operator.run())
    names = {f"main-{number}" for number in range(DEPLOYED)}
    try:
        async with asyncio.timeout(200):
            await until_provider_ready(cluster, "kaito", check=processes.check_all_but)
            for name in sorted(names):
                await cluster.create(DEPLOYMENTS, deployment(name), namespace=NAMESPACE)
                if len(operator.seen) >= DEPLOYED // 3 and victim.poll() is None:
                    victim.send_signal(signal.SIGKILL)
            if victim.poll() is None:
                victim.send_signal(signal.SIGKILL)
            while {name for name, phase in (await phases(cluster)).items() if phase == "Running"} < names:
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"{await phases(cluster)}\n{processes.logs()}")
    finally:
        answering.cancel()

    workspaces = await cluster.listing(WORKSPACES, namespace=NAMESPACE)
    assert sorted(obj["metadata"]["name"] for obj in workspaces.items) == sorted(names)
    events = await cluster.listing(EVENTS, namespace=NAMESPACE)
    # The Event may tell more than the creation: what a status write has to say is told in one.
    told = [(event["involvedObject"]["name"], event["message"]) for event in events.items]
    created = [name for name, message in told if name in names and f"Workspace {name}" in message]
    assert sorted(created) == sorted(names)
    for name in names:
        await cluster.delete(DEPLOYMENTS, name, namespace=NAMESPACE)
    async with asyncio.timeout(60):
        while await phases(cluster):
            await asyncio.sleep(0.2)
