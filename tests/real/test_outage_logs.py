"""What worker and watchers log while a server under them is away: a line at the begin, one at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from benchmarks.instant_operator import InstantOperator
from benchmarks.stage import until_provider_ready
from benchmarks.workload import NAMESPACE, deployment
from tests.real.processes import Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

NAMES = [f"logged-{number}" for number in range(6)]
BESIDES = {"fleet audit", "leading", "standing by", "the Lease was lost; standing by"}
"""What may be said besides: of an outage that is longer than the renew deadline, and by a watcher at work."""


@pytest.fixture
def processes(
    real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> Iterator[Processes]:
    running = Processes(real_cluster.kubeconfig, real_temporal.address, tmp_path, AIRUNWAY_LOG_FORMAT="json")
    yield running
    running.stop()


class Logs:
    """What each process logs from now on. A line that is not JSON went past the log: that fails."""

    def __init__(self, processes: Processes) -> None:
        self._paths = list(processes.log_of.values())
        self._begin = {path: path.stat().st_size for path in self._paths}

    def lines(self) -> dict[str, list[Object]]:
        return {path.name: self._lines_of(path) for path in self._paths}

    def _lines_of(self, path: Path) -> list[Object]:
        text = path.read_bytes()[self._begin[path] :].decode()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    async def until_each_says(self, event: str) -> None:
        async with asyncio.timeout(120):
            while not all(event in [line["event"] for line in lines] for lines in self.lines().values()):
                await asyncio.sleep(0.2)

    def check(self, part: str) -> None:
        """Each process has said that the part is away, and that it is back; and nothing else."""
        for name, lines in self.lines().items():
            assert not [line for line in lines if "exception" in line], name
            # Providers other than kaito have their configs here of other tests of the same cluster.
            ours = [line for line in lines if line.get("provider", "kaito") == "kaito"]
            said = [line["event"] for line in ours if line["event"] not in BESIDES]
            assert said == [f"{part} does not answer; waiting for it", f"{part} answers again"], (name, lines)
            print(name, [line.get("away_seconds") for line in lines if "away_seconds" in line])


async def edit_all(cluster: Cluster, replicas: int) -> None:
    for name in NAMES:
        patch = {"spec": {"scaling": {"replicas": replicas}}}
        await cluster.patch(DEPLOYMENTS, name, patch, namespace=NAMESPACE)


async def until_observed(cluster: Cluster) -> None:
    """Every deployment is Running, by a status of its present generation."""
    async with asyncio.timeout(120):
        for name in NAMES:
            while True:
                live = await cluster.get(DEPLOYMENTS, name, namespace=NAMESPACE)
                status = live.get("status") or {}
                is_told = status.get("observedGeneration") == live["metadata"]["generation"]
                if is_told and status.get("phase") == "Running":
                    break
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture
async def running(cluster: Cluster, processes: Processes) -> AsyncIterator[Processes]:
    """A worker, two watchers and deployments that run."""
    processes.start("worker", "--provider", "kaito")
    processes.start("watcher")
    processes.start("watcher")
    operator = asyncio.create_task(InstantOperator(cluster).run())
    await until_provider_ready(cluster, "kaito", check=processes.check_all_but)
    for name in NAMES:
        await cluster.create(DEPLOYMENTS, deployment(name), namespace=NAMESPACE)
    await until_observed(cluster)
    yield processes
    for name in NAMES:
        await cluster.delete(DEPLOYMENTS, name, namespace=NAMESPACE)
    async with asyncio.timeout(60):
        for name in NAMES:
            while await cluster.find(DEPLOYMENTS, name, namespace=NAMESPACE):
                await asyncio.sleep(0.2)
    operator.cancel()


@pytest.mark.parametrize("how", ["killed", "standing still"])
async def test_an_api_server_that_is_away(
    running: Processes, cluster: Cluster, real_cluster: RealCluster, how: str
) -> None:
    logs, server = Logs(running), real_cluster.api_server
    await edit_all(cluster, 2)

    if how == "killed":
        await asyncio.to_thread(server.kill)
        await logs.until_each_says("Kubernetes API does not answer; waiting for it")
        await asyncio.to_thread(server.start)
    else:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await logs.until_each_says("Kubernetes API does not answer; waiting for it")
        finally:
            os.kill(server.pid, signal.SIGCONT)
    await logs.until_each_says("Kubernetes API answers again")
    await until_observed(cluster)

    logs.check("Kubernetes API")


@pytest.mark.parametrize("how", ["killed", "standing still"])
async def test_a_temporal_that_is_away(
    running: Processes, cluster: Cluster, real_temporal: TemporalServer, how: str
) -> None:
    logs = Logs(running)
    if how == "killed":
        await asyncio.to_thread(real_temporal.kill)
        await edit_all(cluster, 2)
        await logs.until_each_says("Temporal does not answer; waiting for it")
        await asyncio.to_thread(real_temporal.start)
    else:
        assert real_temporal.pid is not None
        os.kill(real_temporal.pid, signal.SIGSTOP)
        try:
            await edit_all(cluster, 2)
            await logs.until_each_says("Temporal does not answer; waiting for it")
        finally:
            os.kill(real_temporal.pid, signal.SIGCONT)
    await logs.until_each_says("Temporal answers again")
    await until_observed(cluster)

    logs.check("Temporal")
