"""The main job on production-like servers: Temporal on PostgreSQL, a real API server, two worker processes.

One worker is killed on the way; nothing is lost and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from api.names import SYSTEM_NAMESPACE
from benchmarks.deployments import NAMESPACE, prepare, until_ready
from benchmarks.instant_operator import WORKSPACES, InstantOperator
from clients.kubernetes import DEPLOYMENTS, EVENTS, Cluster, Object
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.ports import free_port
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DEPLOYED = 30


class Processes:
    """`airunway` commands as processes of their own, as a deployment runs them."""

    def __init__(self, kubeconfig: Path, temporal: str, folder: Path) -> None:
        self._folder = folder
        self._env = {
            **os.environ,
            "AIRUNWAY_KUBECONFIG": str(kubeconfig),
            "AIRUNWAY_TEMPORAL_ADDRESS": temporal,
            "AIRUNWAY_POD_NAMESPACE": SYSTEM_NAMESPACE,
            "AIRUNWAY_LEASE_DURATION": "PT4S",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{command[0]}-{len(self._running)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", *command],
            env={**self._env, "AIRUNWAY_HEALTH_PORT": str(free_port())},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self._running.append(process)
        return process

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check_all_but(self, *victims: subprocess.Popen[bytes]) -> None:
        """Fail at once when a process has ended that should run."""
        ended = [
            process for process in self._running if process not in victims and process.poll() is not None
        ]
        if ended:
            pytest.fail(f"a process ended by itself\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in self._folder.glob("*.log"))


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


@pytest_asyncio.fixture
async def cluster(real_cluster: RealCluster) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_cluster.kubeconfig) as connected:
        await prepare(connected)
        yield connected


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
            await until_ready(cluster, "kaito", check=processes.check_all_but)
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
    created = [
        event["involvedObject"]["name"] for event in events.items if event["reason"] == "ResourceCreated"
    ]
    assert sorted(created) == sorted(names)
    for name in names:
        await cluster.delete(DEPLOYMENTS, name, namespace=NAMESPACE)
    async with asyncio.timeout(60):
        while await phases(cluster):
            await asyncio.sleep(0.2)
