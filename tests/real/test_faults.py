"""Processes and servers are killed and frozen while deployments come, change and go; afterwards all is right.

What is done, and in which order, comes from a seed (`AIRUNWAY_FAULT_SEED`). How long it took to recover from
each kind of fault is printed; what is asserted is that nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.clients.errors import AlreadyExists, ApiError, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS
from kube_emulator.envtest.ports import free_port
from tests.e2e.acme import SERVER
from tests.real.hands import HandledSystem
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SEED = int(os.environ.get("AIRUNWAY_FAULT_SEED", "20261129"))
COUNT = 30
SETTLED_SECONDS = 120.0
FROZEN_SECONDS = 3.0


class Faulty(HandledSystem):
    """A system whose worker and watcher are processes, with what a user and an operator do beside it."""

    def __init__(self, kubeconfig: Path, temporal_address: str, folder: Path, seed: int) -> None:
        super().__init__(kubeconfig, temporal_address)
        self.random = random.Random(seed)
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0
        self.wanted: dict[str, int] = {}
        """Replicas, by name, of what should be there."""
        self._locks: dict[str, asyncio.Lock] = {}
        """One user at a time for a deployment, so that it is known what was wanted last."""

    # -- processes ---------------------------------------------------------------------------------------

    def start_worker(self) -> None:
        self.start_process("worker")

    def start_watcher(self) -> None:
        self.start_process("watcher")

    def start_process(self, role: str) -> None:
        self._started += 1
        log = (self._folder / f"{self._started:02}-{role}.log").open("wb")
        with log:
            self.processes[role] = subprocess.Popen(
                [sys.executable, "-m", "tests.real.build_process", role],
                env={
                    **os.environ,
                    "AIRUNWAY_CLUSTER": self.settings.cluster,
                    "AIRUNWAY_KUBECONFIG": str(self.kubeconfig),
                    "AIRUNWAY_TEMPORAL_ADDRESS": self.settings.temporal_address,
                    "AIRUNWAY_POD_NAMESPACE": self.namespace,
                    "AIRUNWAY_LEASE_DURATION": "4s",
                    "AIRUNWAY_HEARTBEAT": "5s",
                    "AIRUNWAY_PRESENCE": "5s",
                    "AIRUNWAY_HEALTH_PORT": str(free_port()),
                },
                stdout=log,
                stderr=log,
            )

    async def kill(self, role: str) -> None:
        """As a node that dies; the next one is started at once."""
        self.processes[role].kill()
        await asyncio.to_thread(self.processes[role].wait)
        self.start_process(role)

    async def freeze(self, pid: int | None) -> None:
        """As a machine that stands still for a moment."""
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in self._folder.glob("*.log"))

    # -- the operator and the users ----------------------------------------------------------------------

    async def operate(self) -> None:
        """Make every Server ready at its present generation."""
        while True:
            for (plural, name), obj in list(self._objects.items()):
                if plural != SERVER.plural:
                    continue
                meta, status = obj["metadata"], obj.get("status") or {}
                if status.get("observedGeneration") != meta["generation"]:
                    patch = {"status": {"ready": True, "observedGeneration": meta["generation"]}}
                    with contextlib.suppress(ApiError, OSError, TimeoutError):
                        await self.cluster.patch(
                            SERVER, name, patch, namespace=self.namespace, subresource="status"
                        )
            await asyncio.sleep(0.1)

    async def use(self) -> None:
        """One thing that a user does, or somebody with kubectl does to an upstream object."""
        name = f"d-{self.random.randrange(COUNT)}"
        what = self.random.choice(("edit", "edit", "edit", "delete", "by hand", "remove by hand"))
        replicas = self.random.randrange(1, 9)
        async with self._locks.setdefault(name, asyncio.Lock()):
            await self._use(name, what, replicas)

    async def _use(self, name: str, what: str, replicas: int) -> None:
        if name not in self.wanted:
            await self.surely(lambda: self.make(name))
            self.wanted[name] = 0
        elif what == "edit":
            self.wanted[name] = replicas
            spec = {"spec": {"scaling": {"replicas": self.wanted[name]}}}
            await self.surely(lambda: self.edit(name, spec))
        elif what == "delete":
            del self.wanted[name]
            await self.surely(lambda: self.delete(name))
        elif what == "by hand":
            by_hand = {"spec": {"model": "by/hand"}}
            await self.surely(lambda: self.cluster.patch(SERVER, name, by_hand, namespace=self.namespace))
        else:
            await self.surely(lambda: self.cluster.delete(SERVER, name, namespace=self.namespace))

    async def make(self, name: str) -> None:
        """Deploy; done too when an earlier attempt did whose answer was lost."""
        try:
            await self.deploy(name)
        except AlreadyExists:
            live = await self.cluster.find(DEPLOYMENTS, name, namespace=self.namespace)
            if live is None or live["metadata"].get("deletionTimestamp"):
                raise

    async def surely(self, action: Callable[[], Awaitable[object]]) -> None:
        """Do it, however long the API server is away; who deletes what is being deleted is done."""
        while True:
            try:
                await action()
                return
            except NotFound:
                return
            except (AlreadyExists, ApiError, OSError, TimeoutError):
                await asyncio.sleep(0.3)  # it answers again, or the one of that name is gone then

    # -- what must hold ----------------------------------------------------------------------------------

    def wrong(self) -> list[str]:
        """What is not as it should be."""
        found = []
        for name in {name for _, name in self._objects} | set(self.wanted):
            deployment, server, status = self.deployment(name), self.server(name), self.status(name)
            if name not in self.wanted:
                if name.startswith("d-") and (deployment or server):
                    found.append(f"{name}: still there")
                continue
            replicas = self.wanted[name]
            if not deployment or not server:
                found.append(f"{name}: {'no server' if deployment else 'lost'}")
            elif status.get("phase") != "Running":
                found.append(f"{name}: {status.get('phase')}: {status.get('message')}")
            elif status.get("observedGeneration") != deployment["metadata"]["generation"]:
                found.append(f"{name}: generation {status.get('observedGeneration')}")
            elif replicas and server["spec"].get("replicas") != replicas:
                found.append(f"{name}: {server['spec'].get('replicas')} replicas of {replicas}")
            elif server["spec"].get("model") == "by/hand":
                found.append(f"{name}: changed by hand")
        return found

    async def settled(self) -> float:
        """Seconds until everything is right."""
        began = time.monotonic()
        while wrong := self.wrong():
            if time.monotonic() - began > SETTLED_SECONDS:
                raise AssertionError(f"seed {SEED}, never right: {wrong}\n{self.logs()}")
            await asyncio.sleep(0.1)
        return time.monotonic() - began


@pytest_asyncio.fixture
async def system(
    real_cluster: Cluster, real_temporal: TemporalServer, tmp_path: Path
) -> AsyncIterator[Faulty]:
    faulty = Faulty(real_cluster.kubeconfig, real_temporal.address, tmp_path, SEED)
    try:
        async with faulty:
            operator = asyncio.create_task(faulty.operate())
            yield faulty
            operator.cancel()
    finally:
        faulty.end()


async def test_whatever_is_killed_or_frozen_nothing_is_lost_or_there_twice(
    system: Faulty, real_cluster: Cluster, real_temporal: TemporalServer
) -> None:
    for number in range(COUNT):
        system.wanted[f"d-{number}"] = 0
    await asyncio.gather(*(system.deploy(name) for name in system.wanted))
    await system.settled()

    async def again(server: Cluster | TemporalServer) -> None:
        part = server.api_server if isinstance(server, Cluster) else server
        await asyncio.to_thread(part.kill)
        await asyncio.to_thread(part.start)

    faults: dict[str, Callable[[], Awaitable[None]]] = {
        "worker killed": lambda: system.kill("worker"),
        "watcher killed": lambda: system.kill("watcher"),
        "worker frozen": lambda: system.freeze(system.processes["worker"].pid),
        "watcher frozen": lambda: system.freeze(system.processes["watcher"].pid),
        "Temporal killed": lambda: again(real_temporal),
        "Temporal frozen": lambda: system.freeze(real_temporal.pid),
        "API server killed": lambda: again(real_cluster),
        "API server frozen": lambda: system.freeze(real_cluster.api_server.pid),
    }
    order = list(faults) * 2
    system.random.shuffle(order)
    took: dict[str, list[float]] = {}
    for kind in order:
        users = [asyncio.create_task(system.use()) for _ in range(6)]
        await faults[kind]()
        users += [asyncio.create_task(system.use()) for _ in range(6)]
        await asyncio.gather(*users)
        took.setdefault(kind, []).append(await system.settled())

    for kind, seconds in sorted(took.items()):
        print(f"recovered after {kind}: {', '.join(f'{entry:.1f}' for entry in seconds)} s")
    for name in system.wanted:
        run = await system.run_of(name)
        assert run is not None, f"{name} has no workflow"
    opened = [workflow_id.rpartition("/")[2] for workflow_id in await system.open_runs()]
    assert sorted(opened) == sorted(system.wanted), "one open workflow for each, and no other"
