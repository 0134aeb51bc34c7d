"""Starts the pretend controllers over one set of shared caches, and stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, PODS, Cluster, Resource
from airunway.sandbox.operators import kaito
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.claims import CLAIMS, Claims
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.deployments import Deployments
from airunway.sandbox.operators.dynamo import Dynamo
from airunway.sandbox.operators.jobs import JOBS, Jobs
from airunway.sandbox.operators.kubelet import Kubelet
from airunway.sandbox.operators.kuberay import KubeRay
from airunway.sandbox.operators.nodes import DEFAULT_NODES, NODES, PretendNode, create_nodes, keep_alive
from airunway.sandbox.operators.replicasets import ReplicaSets
from airunway.sandbox.operators.scheduler import Scheduler
from airunway.sandbox.operators.statefulsets import StatefulSets
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.operators.upstream import UpstreamOperator, install
from kube_emulator import PodLogs

REPLICA_SETS = Resource("apps/v1", "replicasets")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")
UPSTREAM_SECONDS = 10.0
"""How long a start waits for the operators; on a cluster without a controller manager they never come."""


class PretendOperators:
    """The pretend controllers of one cluster, as a context manager.

    `workloads=False` leaves Deployments, ReplicaSets and StatefulSets to the cluster's own controller
    manager, and keeps it believing in the nodes; `upstream=False` leaves out the operators of providers.
    Each of those works from when its Deployment is ready; `installed`: KAITO is there already. `logs`: where
    pods print.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        timing: Timing | None = None,
        nodes: Sequence[PretendNode] = DEFAULT_NODES,
        workloads: bool = True,
        upstream: bool = True,
        installed: bool = True,
        logs: PodLogs | None = None,
    ) -> None:
        self._cluster = cluster
        self._timing = timing or Timing()
        self._pretend_nodes = nodes
        self._workloads, self._upstream, self._installed = workloads, upstream, installed
        self._caches: dict[Resource, KindCache] = {}
        self._controllers: list[Controller] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._kaito: kaito.Kaito | None = None
        self._operators: list[UpstreamOperator] = []
        self._logs = logs
        self._build()

    def _build(self) -> None:
        pods, nodes = self._cache(PODS), self._cache(NODES)
        self._add(Scheduler(self._cluster, pods, nodes, self._timing).controller)
        self._add(Kubelet(self._cluster, pods, self._timing, logs=self._logs).controller)
        self._add(Claims(self._cache(CLAIMS)).controller)
        deployments, sets = self._cache(APPS_DEPLOYMENTS), self._cache(STATEFUL_SETS)
        if self._workloads:
            replica_sets = self._cache(REPLICA_SETS)
            self._add(Deployments(deployments, replica_sets).controller)
            self._add(ReplicaSets(self._cluster, replica_sets, pods).controller)
            self._add(StatefulSets(self._cluster, sets, pods).controller)
            self._add(Jobs(self._cache(JOBS), pods).controller)
        if self._upstream:
            self._kaito = kaito.Kaito(
                self._cluster,
                workspaces=KindCache(self._cluster, kaito.WORKSPACES),
                stateful_sets=sets,
                deployments=deployments,
                nodes=nodes,
            )
            self._operators = [
                self._kaito,
                Dynamo(self._cluster, deployments),
                KubeRay(self._cluster, deployments),
            ]

    def _cache(self, kind: Resource) -> KindCache:
        if kind not in self._caches:
            self._caches[kind] = KindCache(self._cluster, kind)
        return self._caches[kind]

    def _add(self, controller: Controller) -> None:
        self._controllers.append(controller)

    async def __aenter__(self) -> Self:
        await create_nodes(self._cluster, self._pretend_nodes)
        if self._upstream and self._installed:
            await install(self._cluster, kaito.CHART, namespace=kaito.OPERATOR[0])
        # Controllers act on what caches hold: they start when those are complete.
        self._tasks = [asyncio.create_task(cache.follow.run()) for cache in self._caches.values()]
        await asyncio.gather(*(cache.follow.synced.wait() for cache in self._caches.values()))
        self._tasks += [asyncio.create_task(controller.run()) for controller in self._controllers]
        if not self._workloads:
            self._tasks.append(asyncio.create_task(keep_alive(self._cluster, self._pretend_nodes)))
        self._tasks += [asyncio.create_task(operator.run()) for operator in self._operators]
        if self._kaito is not None and self._installed:
            # As on a cluster where it was installed long ago: whoever asks next finds it ready.
            with suppress(TimeoutError):
                async with asyncio.timeout(UPSTREAM_SECONDS):
                    await self._kaito.synced()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
