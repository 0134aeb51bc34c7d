"""The pretend KAITO operator: Workspaces become a StatefulSet and Services, and report their state.

It works only while its own Deployment has a ready pod, so scaling that to zero shows what an operator
that is down looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.operators import kaito_objects
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, Object, controller_of, key_of
from airunway.sandbox.operators.upstream import SERVICES, WHILE_DOWN, UpstreamOperator

WORKSPACES = Resource(kaito_objects.API_VERSION, "workspaces")
FINALIZER = "workspace.finalizer.kaito.sh"
OPERATOR = ("kaito-workspace", "kaito-workspace")
"""Namespace and name of the operator's Deployment."""
CHART = "kaito/workspace"


class Kaito(UpstreamOperator):
    """Reconciles Workspaces."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        workspaces: KindCache,
        stateful_sets: KindCache,
        deployments: KindCache,
        nodes: KindCache,
    ) -> None:
        super().__init__(OPERATOR, deployments)
        self._cluster = cluster
        self._workspaces, self._sets = workspaces, stateful_sets
        self._nodes = nodes
        self.controller = Controller("kaito", self._reconcile)
        self.caches, self.controllers = [workspaces], [self.controller]
        workspaces.on_change(lambda obj: self.controller.enqueue(key_of(obj)))
        stateful_sets.on_change(self._set_changed)

    def _set_changed(self, stateful_set: Object) -> None:
        owner = controller_of(stateful_set)
        if owner and owner["kind"] == "Workspace":
            self.controller.enqueue((stateful_set["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        workspace = self._workspaces.get(key)
        if workspace is None:
            return None
        if not self.is_up():
            return WHILE_DOWN
        finalizers = workspace["metadata"].get("finalizers") or []
        if "deletionTimestamp" in workspace["metadata"]:
            await self._release(workspace, finalizers)
            return None
        if FINALIZER not in finalizers:
            added = {"metadata": {"finalizers": [*finalizers, FINALIZER]}}
            workspace = await self._workspaces.patch(workspace, added)
        nodes = self._matching_nodes(workspace)
        if nodes and self._sets.get(key) is None:
            await self._create_objects(workspace)
        await self._write_status(workspace, nodes)
        return None if nodes else WHILE_DOWN

    async def _release(self, workspace: Object, finalizers: list[str]) -> None:
        # The StatefulSet and the Services go by garbage collection.
        if FINALIZER in finalizers:
            kept = [entry for entry in finalizers if entry != FINALIZER]
            await self._workspaces.patch(workspace, {"metadata": {"finalizers": kept}})

    def _matching_nodes(self, workspace: Mapping[str, Any]) -> list[str]:
        wanted = kaito_objects.node_labels(workspace).items()
        return [
            node["metadata"]["name"]
            for node in self._nodes
            if all((node["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
        ]

    async def _create_objects(self, workspace: Object) -> None:
        for service in kaito_objects.services(workspace):
            try:
                await self._cluster.create(SERVICES, service, namespace=workspace["metadata"]["namespace"])
            except AlreadyExists:
                continue
        try:
            await self._sets.create(kaito_objects.stateful_set(workspace))
        except AlreadyExists:
            return  # its predecessor's is still being collected; the next event brings us back

    async def _write_status(self, workspace: Object, nodes: list[str]) -> None:
        stateful_set = self._sets.get(key_of(workspace))
        owner = controller_of(stateful_set) if stateful_set else None
        mine = owner is not None and owner["uid"] == workspace["metadata"]["uid"]
        ready = (stateful_set.get("status") or {}).get("readyReplicas", 0) if stateful_set and mine else 0
        wanted = stateful_set["spec"]["replicas"] if stateful_set and mine else None
        current = self._workspaces.get(key_of(workspace)) or workspace
        status = kaito_objects.status(current, nodes, ready, wanted)
        await self._workspaces.patch(current, status, status=True)
