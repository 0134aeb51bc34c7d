"""Two watchers on a real API server that stands still or restarts: who leads, and when the other takes over.

Times are printed, not asserted: they are computed in tests/workers/test_election.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.kubernetes import DEPLOYMENTS, LEASES, Cluster, Object
from benchmarks.instant_operator import WORKSPACES, InstantOperator
from benchmarks.stage import until_provider_ready
from benchmarks.workload import NAMESPACE, deployment
from tests.real.processes import Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

NAME = "led"


@pytest.fixture
def processes(
    real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> Iterator[Processes]:
    running = Processes(
        real_cluster.kubeconfig,
        real_temporal.address,
        tmp_path,
        AIRUNWAY_LOG_FORMAT="json",
        AIRUNWAY_LEASE_DURATION="15s",
    )
    yield running
    running.stop()


class Pair:
    """A worker, and two watchers of which one leads."""

    def __init__(self, cluster: Cluster, processes: Processes) -> None:
        self.cluster, self.processes = cluster, processes
        self.worker = processes.start("worker", "--provider", "kaito")
        self.watchers = [processes.start("watcher"), processes.start("watcher")]
        self.killed: list[subprocess.Popen[bytes]] = []

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        try:
            async with asyncio.timeout(90):
                while not (found := holds()):
                    self.processes.check_all_but(*self.killed)
                    await asyncio.sleep(0.05)
                return found
        except TimeoutError:
            pytest.fail(f"never happened: {what}\n{self.processes.logs()}")

    def lines(self, watcher: subprocess.Popen[bytes], event: str) -> list[Object]:
        text = self.processes.log_of[watcher].read_text()
        found = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in found if line["event"] == event]

    def terms(self) -> int:
        return sum(len(self.lines(watcher, "leading")) for watcher in self.watchers)

    def leader(self) -> subprocess.Popen[bytes] | None:
        return next((watcher for watcher in self.watchers if self.lines(watcher, "leading")), None)

    def standby(self) -> subprocess.Popen[bytes] | None:
        others = [watcher for watcher in self.watchers if watcher is not self.leader()]
        return next((watcher for watcher in others if self.lines(watcher, "standing by")), None)

    async def lease(self) -> Object:
        live = await self.cluster.get(LEASES, "airunway-watcher", namespace=SYSTEM_NAMESPACE)
        return dict(live["spec"])

    async def edit(self, replicas: int) -> None:
        """Change a deployment, and wait until its status follows: somebody watches."""
        patch = {"spec": {"scaling": {"replicas": replicas}}}
        edited = await self.cluster.patch(DEPLOYMENTS, NAME, patch, namespace=NAMESPACE)
        async with asyncio.timeout(60):
            while True:
                live = await self.cluster.get(DEPLOYMENTS, NAME, namespace=NAMESPACE)
                if (live.get("status") or {}).get("observedGeneration") == edited["metadata"]["generation"]:
                    return
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def pair(cluster: Cluster, processes: Processes) -> AsyncIterator[Pair]:
    running = Pair(cluster, processes)
    operator = asyncio.create_task(InstantOperator(cluster).run())
    await until_provider_ready(cluster, "kaito", check=processes.check_all_but)
    await running.until(running.leader, "a leader")
    await running.until(running.standby, "a standby")  # which has seen the Lease renewed
    await cluster.create(DEPLOYMENTS, deployment(NAME), namespace=NAMESPACE)
    async with asyncio.timeout(60):
        while await cluster.find(WORKSPACES, NAME, namespace=NAMESPACE) is None:
            await asyncio.sleep(0.1)
    yield running
    await cluster.delete(DEPLOYMENTS, NAME, namespace=NAMESPACE)
    async with asyncio.timeout(60):
        while await cluster.find(DEPLOYMENTS, NAME, namespace=NAMESPACE):
            await asyncio.sleep(0.1)
    operator.cancel()


@asynccontextmanager
async def standing_still(pid: int | None) -> AsyncIterator[None]:
    """A server takes requests and does nothing, and goes on afterwards."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def lists_of_deployments(cluster: Cluster) -> float:
    """How many LISTs of deployments the API server has answered since it started."""
    async with cluster._transport.api_client.rest_client.pool_manager.get(
        f"{cluster.host}/metrics"
    ) as answer:
        text = await answer.text()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("apiserver_request_total")
        and 'resource="modeldeployments"' in line
        and 'verb="LIST"' in line
    )


async def test_a_short_standstill_costs_neither_the_term_nor_a_watch(
    pair: Pair, cluster: Cluster, real_cluster: RealCluster
) -> None:
    before, held = await lists_of_deployments(cluster), await pair.lease()

    async with standing_still(real_cluster.api_server.pid):
        await asyncio.sleep(4)  # several renewals, and far from the renew deadline, which is 10 s
    await pair.edit(2)

    assert pair.terms() == 1
    assert (await pair.lease())["leaseTransitions"] == held["leaseTransitions"]
    assert (await pair.lease())["holderIdentity"] == held["holderIdentity"]
    assert await lists_of_deployments(cluster) == before


@pytest.mark.parametrize("outage", ["none", "standstill", "restart"])
async def test_the_standby_takes_over_from_a_killed_leader(
    pair: Pair, real_cluster: RealCluster, outage: str
) -> None:
    server, held = real_cluster.api_server, await pair.lease()
    victim, standby = pair.leader(), pair.standby()
    assert victim and standby
    pair.killed.append(victim)

    if outage == "standstill":
        async with standing_still(server.pid):
            await asyncio.sleep(1)
            victim.kill()
            killed = time.time()
            await asyncio.sleep(6)
    else:
        if outage == "restart":
            await asyncio.to_thread(server.kill)
        victim.kill()
        killed = time.time()
        await asyncio.to_thread(server.start)  # nothing, where it runs
    back = time.time()
    leading = await pair.until(lambda: pair.lines(standby, "leading"), "the standby leads")

    taken = datetime.fromisoformat(leading[0]["timestamp"]).timestamp()
    print(f"\n{outage}: {taken - killed:.1f} s after the kill, {taken - back:.1f} s after the server is back")
    assert pair.terms() == 2
    now = await pair.lease()
    assert now["leaseTransitions"] == held["leaseTransitions"] + 1
    assert now["holderIdentity"] == leading[0]["identity"] != held["holderIdentity"]
    await pair.edit(2)


async def test_an_orderly_stop_hands_over_at_once(pair: Pair) -> None:
    first, standby = pair.leader(), pair.standby()
    assert first and standby
    pair.killed.append(first)
    stopped = time.time()

    first.terminate()
    leading = await pair.until(lambda: pair.lines(standby, "leading"), "the standby leads")

    taken = datetime.fromisoformat(leading[0]["timestamp"]).timestamp()
    print(f"\nled {taken - stopped:.1f} s after the stop was asked for")
    assert leading[0]["after"] == ""  # it was given back, not waited for
