"""The whole control plane in one process, on some cluster and some Temporal server, driven by a test.

The test plays the upstream operator: it says when a Server is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from airunway.api import names
from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.errors import AlreadyExists, ApiError, NotFound
from airunway.clients.kubernetes import (
    CONFIGS,
    CRDS,
    DEPLOYMENTS,
    EVENTS,
    JSON_PATCH,
    NAMESPACES,
    Cluster,
    Object,
)
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from kube_emulator import EmulatedCluster
from tests.e2e.acme import ACME, CRD, SERVER
from tests.gitops.documented import disagreements_of
from tests.gitops.kstatus import lies_of

PATIENCE_SECONDS = 120.0


class System:
    """Worker, watcher and a namespace of the test's own. `providers` serves the test's provider."""

    upstream_crd: Object = CRD

    def __init__(self, kubeconfig: Path, temporal_address: str, **settings: Any) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = f"e2e-{uuid.uuid4().hex[:8]}"
        self.settings = Settings(
            cluster="test",
            kubeconfig=kubeconfig,
            temporal_address=temporal_address,
            pod_namespace=self.namespace,
            lease_duration=timedelta(seconds=3),
            heartbeat=timedelta(seconds=5),
            **settings,
        )
        self.providers = {ACME.name: ACME}
        self.cluster: Cluster
        self.emulated: EmulatedCluster | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._objects: dict[tuple[str, str], Object] = {}
        self._changed = asyncio.Event()
        self.states: list[Object] = []
        """Every state of every deployment, as it was watched."""

    async def __aenter__(self) -> Self:
        self.cluster = await Cluster.connect(self.kubeconfig)
        for name in (self.namespace, names.SYSTEM_NAMESPACE):
            with contextlib.suppress(AlreadyExists):
                await self.cluster.create(NAMESPACES, {"metadata": {"name": name}})
        for crd in (model_deployment_crd(), provider_config_crd(), self.upstream_crd):
            await self.cluster.apply(CRDS, crd, field_manager="e2e")
        await self._until_served()
        for kind in (DEPLOYMENTS, SERVER, CONFIGS):
            self._start(
                f"follow {kind.plural}", Reflector(self.cluster, kind, self._follow(kind.plural)).run()
            )
        self.start_worker()
        self.start_watcher()
        await self.until(lambda: bool((self.config().get("status") or {}).get("ready")), "provider ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        for obj in [obj for (plural, _), obj in self._objects.items() if plural == DEPLOYMENTS.plural]:
            with contextlib.suppress(ApiError):
                await self.cluster.delete(DEPLOYMENTS, obj["metadata"]["name"], namespace=self.namespace)
        with contextlib.suppress(TimeoutError):
            await self.until(
                lambda: not any(plural == DEPLOYMENTS.plural for plural, _ in self._objects), "clean"
            )
        for name in list(self._tasks):
            await self.stop(name)
        await self.cluster.close()
        different = {_as_judged(state): state for state in self.states}.values()
        wrong = [said for state in different for said in (*lies_of(state), *disagreements_of(state))]
        assert not wrong, wrong[0]

    async def _until_served(self) -> None:
        for group_version in (names.API_VERSION, SERVER.api_version):
            while not await self.cluster.discovery.served_kinds(group_version):
                await asyncio.sleep(0.05)
        for kind in (DEPLOYMENTS, SERVER, CONFIGS):
            while True:  # a new kind is listed in discovery before it can be read
                try:
                    await self.cluster.listing(kind)
                    break
                except ApiError:
                    await asyncio.sleep(0.05)

    # -- the processes -------------------------------------------------------------------------------

    def start_worker(self) -> None:
        self._start("worker", run_worker(self.settings, providers=self.providers))

    def start_watcher(self) -> None:
        self._start("watcher", run_watcher(self.settings, providers=self.providers))

    def start_second_watcher(self, settings: Settings) -> None:
        self._start("second watcher", run_watcher(settings, providers=self.providers))

    def is_running(self, name: str) -> bool:
        """Whether a process was started, and not stopped since."""
        return name in self._tasks

    async def stop(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _start(self, name: str, work: Any) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    # -- what there is -------------------------------------------------------------------------------

    def _follow(self, plural: str) -> Callable[[ObjectChange], None]:
        def on_change(change: ObjectChange) -> None:
            meta = change.object["metadata"]
            if meta.get("namespace", self.namespace) != self.namespace:
                return
            if change.type == "deleted":
                self._objects.pop((plural, meta["name"]), None)
            else:
                self._objects[plural, meta["name"]] = change.object
                if plural == DEPLOYMENTS.plural:
                    self.states.append(change.object)
            self._changed.set()

        return on_change

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            for task in self._tasks.values():
                if task.done() and not task.cancelled():
                    raise AssertionError(f"{task.get_name()} ended: {task.exception()!r}") from None
            raise AssertionError(f"never happened: {what}; there is {self._objects}") from None

    def deployment(self, name: str) -> Object:
        return self._objects.get((DEPLOYMENTS.plural, name), {})

    def server(self, name: str) -> Object:
        return self._objects.get((SERVER.plural, name), {})

    def config(self) -> Object:
        return self._objects.get((CONFIGS.plural, ACME.name), {})

    def status(self, name: str) -> Object:
        return self.deployment(name).get("status") or {}

    def condition(self, name: str, kind: str) -> Object:
        conditions = self.status(name).get("conditions") or []
        return next((entry for entry in conditions if entry["type"] == kind), {})

    async def events(self, name: str) -> list[str]:
        return [event["reason"] for event in await self._events_of(name)]

    async def event_messages(self, name: str) -> list[str]:
        return [event["message"] for event in await self._events_of(name)]

    async def _events_of(self, name: str) -> list[Object]:
        listing = await self.cluster.listing(EVENTS, namespace=self.namespace)
        return [event for event in listing.items if event["involvedObject"]["name"] == name]

    async def until_events(self, name: str, reasons: set[str]) -> None:
        """Events are written beside the status, so they may come a moment later."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reasons <= set(await self.events(name)):
                await asyncio.sleep(0.05)

    async def read_config(self) -> Object:
        return await self.cluster.get(CONFIGS, ACME.name)

    # -- what a user does ------------------------------------------------------------------------------

    async def deploy(self, name: str, **spec: Any) -> None:
        body: Object = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"model": {"id": "org/model"}, "engine": {"type": "vllm"}, **spec},
        }
        body["spec"].setdefault("resources", {"gpu": {"count": 1}})
        await self.cluster.create(DEPLOYMENTS, body, namespace=self.namespace)

    async def edit(self, name: str, patch: Object) -> None:
        await self.cluster.patch(DEPLOYMENTS, name, patch, namespace=self.namespace)

    async def delete(self, name: str) -> None:
        await self.cluster.delete(DEPLOYMENTS, name, namespace=self.namespace)

    # -- what the upstream operator does ---------------------------------------------------------------

    async def serve(self, name: str, *, ready: bool = True) -> None:
        """Say that a Server's present generation is (or is not) ready, as soon as it exists."""
        await self.until(lambda: bool(self.server(name)), f"server {name}")
        while True:
            generation = self.server(name)["metadata"]["generation"]
            status = {"status": {"ready": ready, "observedGeneration": generation}}
            with contextlib.suppress(NotFound):
                answer = await self.cluster.patch(
                    SERVER, name, status, namespace=self.namespace, subresource="status"
                )
                if answer["metadata"]["generation"] == generation:
                    return
            await asyncio.sleep(0.05)

    async def until_phase(self, name: str, phase: str) -> Object:
        await self.until(lambda: self.status(name).get("phase") == phase, f"{name} {phase}")
        return self.status(name)

    async def running(self, name: str, **spec: Any) -> Object:
        """Deploy and serve."""
        await self.deploy(name, **spec)
        await self.serve(name)
        return await self.until_phase(name, "Running")

    async def change_server(self, name: str, operations: list[Object]) -> None:
        await self.cluster.patch(
            SERVER, name, operations, namespace=self.namespace, content_type=JSON_PATCH, field_manager="hand"
        )


def _as_judged(state: Object) -> str:
    """What tools go by: two hundred deployments are in a handful of states, each of which is judged once."""
    meta, status = state["metadata"], state.get("status") or {}
    conditions = [
        {key: entry.get(key) for key in ("type", "status", "reason", "observedGeneration")}
        for entry in status.get("conditions") or []
    ]
    told = (meta.get("generation"), "deletionTimestamp" in meta, status.get("observedGeneration"))
    return repr((told, status.get("phase"), conditions))
