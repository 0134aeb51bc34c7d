"""`airunway migrate`: twelve deployments of AI Runway move over and back, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.cli.migrate import moves, steps
from airunway.cli.migrate.controllers import HOLDER
from airunway.cli.migrate.record import read_record
from airunway.cli.problems import CliError
from airunway.clients.errors import Invalid, NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, LEASES, PODS, Object
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import PretendNode
from airunway.sandbox.operators.objects import is_ready
from airunway.sandbox.operators.timing import Timing
from tests.e2e.acme import ACME
from tests.e2e.places import lonely_places
from tests.e2e.system import System
from tests.e2e.test_takeover import OURS, Reference, _with_addition

FLEET = 12
CORE, SHIM = names.FORMER_CORE, "airunway-acme-provider"
PATIENCE_SECONDS = 200.0
HELD = "example.com/process"
"""Finalizer of pods whose process has not ended."""


def deployment(name: str, replicas: int, *command: str) -> Object:
    labels = {"app": name}
    container = {"name": "manager", "image": "example.com/i:1", "command": list(command)}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@dataclass
class Kubelet:
    """Has what pods of both systems run: a process each, which has ended before its pod is gone."""

    system: System
    references: list[Reference]
    together: list[str] = field(default_factory=list)
    """Moments at which both systems were at work."""
    rewriting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(0.05)

    async def look(self) -> None:
        pods = (await self.system.cluster.listing(PODS, namespace=names.SYSTEM_NAMESPACE)).items
        for name in (SHIM, "airunway-worker", "airunway-watcher"):
            await self._have(name, [pod for pod in pods if pod["metadata"]["labels"]["app"] == name])
        if self.rewriting is not None and self.system.is_running("worker"):
            self.together.append("both")

    async def _have(self, name: str, pods: list[Object]) -> None:
        living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        for pod in living:
            if is_ready(pod) and not pod["metadata"].get("finalizers"):
                await self._hold(pod, [HELD])
        is_wanted = any(pod["metadata"].get("finalizers") for pod in living)
        if name == SHIM:
            if is_wanted and self.rewriting is None:
                self.rewriting = asyncio.create_task(self._reconcile())
            elif not is_wanted:
                await self.end()
        else:
            await self._run_ours(name.removeprefix("airunway-"), is_wanted)
        for pod in pods:
            if pod not in living and not is_wanted and pod["metadata"].get("finalizers"):
                await self._hold(pod, [])

    async def _hold(self, pod: Object, finalizers: list[str]) -> None:
        body = {"metadata": {"finalizers": finalizers}}
        with contextlib.suppress(Invalid, NotFound):  # it is ending, or gone
            await self.system.cluster.patch(
                PODS, pod["metadata"]["name"], body, namespace=names.SYSTEM_NAMESPACE
            )

    async def _run_ours(self, process: str, is_wanted: bool) -> None:
        if is_wanted and not self.system.is_running(process):
            self.system.start_worker() if process == "worker" else self.system.start_watcher()
        elif not is_wanted and self.system.is_running(process):
            await self.system.stop(process)

    async def _reconcile(self) -> None:
        """Passes of the reference over its fleet, for as long as its pod lives."""
        async with asyncio.TaskGroup() as group:
            for reference in self.references:
                group.create_task(reference.insist(model="org/model"))

    async def end(self) -> None:
        if self.rewriting is not None:
            self.rewriting.cancel()
            with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
                await self.rewriting
            self.rewriting = None
            with contextlib.suppress(Exception):
                # Its pod is gone, and so nobody renews its Lease.
                await self.system.cluster.delete(LEASES, SHIM, namespace=names.SYSTEM_NAMESPACE)


@pytest_asyncio.fixture(params=["sandbox"])
async def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Kubelet]:
    """Twelve deployments that the reference serves; this system is installed, and stands still."""
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(moves, "POLL_SECONDS", 0.2)
    async with (
        lonely_places(request, tmp_path_factory.mktemp("migration")) as place,
        System(place.kubeconfig, place.temporal_address) as system,
        PretendOperators(
            system.cluster,
            timing=Timing.instant(),
            nodes=[PretendNode(name="pretend-migration-0")],
            workloads=place.emulated is not None,
            upstream=False,
        ),
    ):
        await system.stop("worker")
        await system.stop("watcher")
        system.providers = {ACME.name: replace(ACME, objects=_with_addition)}
        found = [Reference(system.cluster, system.namespace, f"chat-{n}") for n in range(FLEET)]
        for reference in found:
            await reference.serve()
        for given in (
            deployment(CORE, 1, "/manager"),
            deployment(SHIM, 1, "/provider"),
            deployment("airunway-worker", 0, "airunway", "worker"),
            deployment("airunway-watcher", 0, "airunway", "watcher"),
        ):
            await system.cluster.create(APPS_DEPLOYMENTS, given, namespace=names.SYSTEM_NAMESPACE)
        for reference in found:
            name = reference.name
            await system.until(lambda name=name: bool(system.condition(name, "Audited")), "audited")
        system.states.clear()
        kubelet = Kubelet(system, found)
        running = asyncio.create_task(kubelet.run())
        yield kubelet
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await kubelet.end()
        for process in ("worker", "watcher"):  # who deletes the fleet
            if not system.is_running(process):
                system.start_worker() if process == "worker" else system.start_watcher()


def specs(system: System) -> dict[str, tuple[str, int]]:
    """Uid and generation of each upstream object."""
    found = {}
    for number in range(FLEET):
        meta = system.server(f"chat-{number}")["metadata"]
        found[meta["name"]] = (meta["uid"], meta["generation"])
    return found


def phases(system: System) -> set[str]:
    return {str(state["status"].get("phase")) for state in system.states if state.get("status")}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fleet", ["sandbox", pytest.param("real", marks=pytest.mark.real)], indirect=True)
async def test_a_fleet_moves_over_and_back(fleet: Kubelet) -> None:
    system, said = fleet.system, list[str]()
    cluster, providers = system.cluster, system.providers
    before = specs(system)

    over = await moves.run(cluster, said.append, seconds=PATIENCE_SECONDS, providers=providers)

    assert over == moves.MoveOutcome(deployments=FLEET)
    assert specs(system) == before, "none recreated, no spec changed"
    assert phases(system) == {"Running"}, "none flapped"
    assert fleet.together == [], "never two writers"
    adopted = system.condition("chat-7", "Adopted")
    assert adopted["reason"] == "LeftAsFound"
    assert f"metadata.labels[{OURS}]" in adopted["message"], "what comes with the next spec is listed"
    lease = await cluster.get(LEASES, SHIM, namespace=names.SYSTEM_NAMESPACE)
    assert lease["spec"]["holderIdentity"] == HOLDER

    home = await moves.back(cluster, said.append, seconds=PATIENCE_SECONDS, providers=providers)

    assert home == moves.MoveOutcome(deployments=FLEET)
    assert specs(system) == before
    assert phases(system) == {"Running"}
    assert fleet.together == []
    assert await read_record(cluster) is None
    counts = {name: await _replicas(system, name) for name in (CORE, SHIM, "airunway-worker")}
    assert counts == {CORE: 1, SHIM: 1, "airunway-worker": 0}
    held = await cluster.find(LEASES, names.FORMER_CORE_LEASE, namespace=names.SYSTEM_NAMESPACE)
    assert held is None, "free for whoever leads next"


async def _replicas(system: System, name: str) -> int:
    live = await system.cluster.get(APPS_DEPLOYMENTS, name, namespace=names.SYSTEM_NAMESPACE)
    return int(live["spec"]["replicas"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "killed_at", ["Deployment airunway-controller-manager", "Lease ", "airunway-watcher: 0"]
)
async def test_killed_half_way_it_goes_on(fleet: Kubelet, killed_at: str) -> None:
    system = fleet.system
    before = specs(system)

    class Killed(BaseException):
        """As kill -9 would: nothing is put in order."""

    def until(line: str) -> None:
        if killed_at in line:
            raise Killed

    with pytest.raises(Killed):
        await moves.run(system.cluster, until, seconds=PATIENCE_SECONDS, providers=system.providers)

    said: list[str] = []
    over = await moves.run(system.cluster, said.append, seconds=PATIENCE_SECONDS, providers=system.providers)

    assert over == moves.MoveOutcome(deployments=FLEET)
    assert specs(system) == before
    assert fleet.together == []


@pytest.mark.timeout(600)
async def test_a_controller_that_runs_elsewhere_is_in_the_way(fleet: Kubelet) -> None:
    system = fleet.system
    lease = {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {"name": names.FORMER_CORE_LEASE, "namespace": names.SYSTEM_NAMESPACE},
        "spec": {
            "holderIdentity": "laptop",
            "leaseDurationSeconds": 3600,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    await system.cluster.apply(LEASES, lease, field_manager="manager")
    await steps.stop(system.cluster, [CORE], lambda _: None, seconds=PATIENCE_SECONDS)

    with pytest.raises(CliError, match=r"laptop holds the Lease 2038fe6a\.airunway\.ai and is no pod"):
        await moves.run(system.cluster, lambda _: None, seconds=10, providers=system.providers)

    assert await read_record(system.cluster) is None, "nothing was begun"
    assert await _replicas(system, SHIM) == 1
    await system.cluster.delete(LEASES, names.FORMER_CORE_LEASE, namespace=names.SYSTEM_NAMESPACE)
