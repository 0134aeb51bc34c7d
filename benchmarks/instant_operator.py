"""A KAITO operator that answers at once: a Workspace is Ready as soon as it is seen or changed.

Apart, so that a benchmark of the control plane measures the control plane.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import Cluster, Object, Resource
from airunway.clients.reflector import ObjectChange, Reflector

WORKSPACES = Resource("kaito.sh/v1beta1", "workspaces")

CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workspaces.kaito.sh"},
    "spec": {
        "group": "kaito.sh",
        "names": {
            "kind": "Workspace",
            "listKind": "WorkspaceList",
            "plural": "workspaces",
            "singular": "workspace",
        },
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


class InstantOperator:
    """Answers every new Workspace. `seen`: namespace/name to the time it was first seen."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: dict[str, float] = {}

    async def run(self) -> None:
        """Answer until cancelled."""
        await Reflector(self._cluster, WORKSPACES, self._on_change).run()

    def _on_change(self, change: ObjectChange) -> None:
        meta = change.object["metadata"]
        status = change.object.get("status") or {}
        is_answered = (
            status.get("state") == "Ready" and status.get("observedGeneration") == meta["generation"]
        )
        if change.type == "deleted" or is_answered:
            return
        self.seen.setdefault(f"{meta['namespace']}/{meta['name']}", asyncio.get_running_loop().time())
        task = asyncio.create_task(self._answer(meta))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, meta: Object) -> None:
        status = {
            "state": "Ready",
            "observedGeneration": meta["generation"],
            "conditions": [
                {"type": "WorkspaceSucceeded", "status": "True", "observedGeneration": meta["generation"]}
            ],
        }
        with suppress(ApiError):  # deleted meanwhile, at the end of a benchmark
            await self._cluster.patch(
                WORKSPACES,
                meta["name"],
                {"status": status},
                namespace=meta["namespace"],
                subresource="status",
            )
