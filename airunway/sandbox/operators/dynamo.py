"""The pretend Dynamo operator: a graph becomes a Deployment for each component, a Service for the frontend,
and where an endpoint picker stands in its place the picker's Service and an InferencePool.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.operators import dynamo_objects, upstream
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, Object, controller_of, key_of

GRAPHS = Resource(dynamo_objects.API_VERSION, "dynamographdeployments")
POOLS = Resource(dynamo_objects.POOL_VERSION, "inferencepools")
OPERATOR = ("dynamo-system", "dynamo-platform-dynamo-operator-controller-manager")
"""Namespace and name of the operator's Deployment."""
CHART = "dynamo/dynamo-platform"


class Dynamo(upstream.UpstreamOperator):
    """Reconciles DynamoGraphDeployments."""

    def __init__(self, cluster: Cluster, deployments: KindCache) -> None:
        super().__init__(OPERATOR, deployments)
        self._cluster = cluster
        self._graphs = KindCache(cluster, GRAPHS)
        self._served: set[tuple[str, int]] = set()
        """Uids and generations of the graphs whose Services and pools are there."""
        self._controller = Controller("dynamo", self._reconcile)
        self.caches, self.controllers = [self._graphs], [self._controller]
        self._graphs.on_change(lambda obj: self._controller.enqueue(key_of(obj)))
        deployments.on_change(self._deployment_changed)

    def _deployment_changed(self, deployment: Object) -> None:
        owner = controller_of(deployment)
        if owner and owner["kind"] == dynamo_objects.KIND:
            self._controller.enqueue((deployment["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        graph = self._graphs.get(key)
        if graph is None or "deletionTimestamp" in graph["metadata"]:
            return None  # what was made goes by garbage collection
        if not self.is_up():
            return upstream.WHILE_DOWN
        wanted = dynamo_objects.deployments(graph)
        made = await upstream.bring_about(self._deployments, graph, wanted)
        version = graph["metadata"]["uid"], graph["metadata"]["generation"]
        if version not in self._served:
            await upstream.bring_services(self._cluster, dynamo_objects.services(graph))
            if await self._bring_pools(graph):
                self._served.add(version)
        await self._write_status(graph, made)
        is_done = len(made) == len(wanted) and version in self._served
        return None if is_done else upstream.WHILE_DOWN

    async def _bring_pools(self, graph: Mapping[str, Any]) -> bool:
        """Whether they are there: a predecessor's may still be collected, or the kind not be served."""
        uid = graph["metadata"]["uid"]
        for pool in dynamo_objects.pools(graph):
            namespace, name = key_of(pool)
            with suppress(AlreadyExists, NotFound):
                await self._cluster.create(POOLS, pool, namespace=namespace)
            there = await self._cluster.find(POOLS, name, namespace=namespace)
            owner = controller_of(there) if there is not None else None
            if owner is None or owner["uid"] != uid:
                return False
        return True

    async def _write_status(self, graph: Mapping[str, Any], made: Mapping[str, Object]) -> None:
        ready = {name: upstream.ready_replicas(one) for name, one in made.items()}
        current = self._graphs.get(key_of(graph)) or graph
        await self._graphs.patch(current, dynamo_objects.status(current, ready), status=True)
