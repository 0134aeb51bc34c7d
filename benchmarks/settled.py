"""A fleet of deployments that run, with worker and watcher as processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from airunway.clients.kubernetes import Cluster
from airunway.messages.refs import DeploymentRef
from benchmarks.instant_operator import InstantOperator
from benchmarks.stage import CLUSTER, OPERATOR, Process, Stage, until_provider_ready
from benchmarks.workload import NAMESPACE, Fleet, create_all, each

QUIET_SECONDS = 10.0


@dataclass
class SettledFleet:
    """What the parts of a benchmark share."""

    on: Stage
    cluster: Cluster
    client: Client
    fleet: Fleet
    worker: Process
    watcher: Process
    names: list[str]

    def workflow_id(self, name: str) -> str:
        """Of a deployment."""
        return DeploymentRef(cluster=CLUSTER, namespace=NAMESPACE, name=name).workflow_id

    async def positions(self) -> dict[str, tuple[str, int]]:
        """Name to the run that is open and its number of events."""
        found: dict[str, tuple[str, int]] = {}

        async def look(name: str) -> None:
            described = await self.client.get_workflow_handle(self.workflow_id(name)).describe()
            found[name] = (described.run_id or "", described.history_length)

        await each(self.names, look)
        return found

    async def until_quiet(self) -> dict[str, tuple[str, int]]:
        """Wait until nothing is written to any history for a while; answers where all of them are."""
        before = await self.positions()
        while True:
            await asyncio.sleep(QUIET_SECONDS)
            now = await self.positions()
            if now == before:
                return now
            before = now


@asynccontextmanager
async def settled_fleet(
    on: Stage, count: int, *, providers: Sequence[str] = ("kaito",), model: str = "vllm"
) -> AsyncIterator[SettledFleet]:
    """Create so many deployments, and wait until all run. No provider named: all are served."""
    words = [word for name in providers for word in ("--provider", name)]
    worker, watcher = [
        await asyncio.to_thread(on.start, role, "benchmarks.control_plane", role, *words)
        for role in ("worker", "watcher")
    ]
    names = [f"d-{number}" for number in range(count)]
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(await on.connect())
        operator = InstantOperator(await stack.enter_async_context(await on.connect(OPERATOR)))
        fleet = Fleet(cluster)
        tasks = [asyncio.create_task(operator.run()), asyncio.create_task(fleet.follow())]
        try:
            await until_provider_ready(cluster)
            await create_all(cluster, fleet, names, model=model)
            yield SettledFleet(on, cluster, await on.temporal_client(), fleet, worker, watcher, names)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
