"""The cluster as it is now, followed once for everybody: deployments, configs, pods, nodes.

One list and one watch of each kind, under our own account; requests are answered out of memory, to each
caller what they may list. A thousand deployments cost no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, NODES, PODS, Cluster, Kind, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.web.access import Rights, on_deployment
from airunway.web.derive.pods import deployment_names, is_of_interest
from airunway.web.identity import Caller
from airunway.web.kept import kept_of_node, kept_of_object, kept_of_served_pod

Key = tuple[str, str]
"""Namespace and name."""
PAGE = 100
"""Objects of a list that are read at a time: whole ones take ten times the memory of what is kept."""


class ObjectStore:
    """Objects of one kind by namespace and name."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}

    def change(self, change: ObjectChange) -> None:
        """Take up what became of one."""
        key = key_of(change.object)
        if change.type == "deleted":
            self.objects.pop(key, None)
        else:
            self.objects[key] = change.object


class PodStore:
    """Pods that serve something or hold GPUs, found by the deployment that they may belong to."""

    def __init__(self) -> None:
        self.pods: dict[Key, Object] = {}
        self._of: dict[tuple[str, str, bool], dict[str, Object]] = {}
        """Namespace, a deployment's name, and whether only the label `app` says so, to pods by name."""

    def change(self, change: ObjectChange) -> set[Key]:
        """Take up what became of one; answers the deployments that it may concern."""
        key = key_of(change.object)
        before = self.pods.pop(key, None)
        concerned = self._drop(before) if before is not None else set()
        if change.type != "deleted" and is_of_interest(change.object):
            pod = change.object
            self.pods[key] = pod
            for name, is_fallback in deployment_names(pod):
                self._of.setdefault((key[0], name, is_fallback), {})[key[1]] = pod
                concerned.add((key[0], name))
        return concerned

    def of(self, namespace: str, name: str) -> list[Object]:
        """The pods of a deployment by name; those with only the label `app` where there are no others."""
        found = self._of.get((namespace, name, False)) or self._of.get((namespace, name, True)) or {}
        return [found[pod] for pod in sorted(found)]

    def _drop(self, pod: Object) -> set[Key]:
        namespace, pod_name = key_of(pod)
        concerned: set[Key] = set()
        for name, is_fallback in deployment_names(pod):
            index = (namespace, name, is_fallback)
            pods = self._of.get(index, {})
            pods.pop(pod_name, None)
            if not pods:
                self._of.pop(index, None)
            concerned.add((namespace, name))
        return concerned


class LiveFleet:
    """What is followed. Run one task of it."""

    def __init__(self, cluster: Cluster, rights: Rights) -> None:
        self._rights = rights
        self.deployments, self.configs, self.nodes = ObjectStore(), ObjectStore(), ObjectStore()
        self.pods = PodStore()
        self.version = 0
        """Grows with every change of anything."""
        self.is_over = False
        """Nobody is told of changes any more: the process stops."""
        self._revisions: dict[Key, int] = {}
        self._changed = asyncio.Event()
        followed: Mapping[str, tuple[Kind, Any, Any]] = {
            "deployments": (DEPLOYMENTS, self._on_deployment, kept_of_object),
            "configs": (CONFIGS, self._on_config, kept_of_object),
            "nodes": (NODES, self._on_node, kept_of_node),
            "pods": (PODS, self._on_pod, kept_of_served_pod),
        }
        self._reflectors = {
            name: Reflector(cluster, kind, on, kept=kept, page=PAGE)
            for name, (kind, on, kept) in followed.items()
        }

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors.values():
                group.create_task(reflector.run())

    async def synced(self) -> None:
        """Wait until everything was listed once."""
        await asyncio.gather(*(reflector.synced.wait() for reflector in self._reflectors.values()))

    @property
    def not_listed(self) -> list[str]:
        """What was never listed yet: what is not known of it must not look like nothing."""
        return [name for name, reflector in self._reflectors.items() if not reflector.synced.is_set()]

    def deployment(self, namespace: str, name: str) -> Object | None:
        """One deployment, whoever asks: see `namespaces_of`."""
        return self.deployments.objects.get((namespace, name))

    def config(self, name: str) -> Object | None:
        """The registration of a provider."""
        return self.configs.objects.get(("", name))

    def pods_of(self, namespace: str, name: str) -> list[Object]:
        """Pods of a deployment by name, as far as they are kept (`derive.pods`)."""
        return self.pods.of(namespace, name)

    def revision(self, namespace: str, name: str) -> int:
        """Another number whenever the deployment or one of its pods changed."""
        return self._revisions.get((namespace, name), 0)

    async def namespaces_of(self, caller: Caller) -> frozenset[str] | None:
        """Where a caller may list deployments, of the namespaces that have some; None: everywhere."""
        among = {namespace for namespace, _ in self.deployments.objects}
        return await self._rights.namespaces(caller, on_deployment("list", ""), among)

    async def visible(self, caller: Caller, namespace: str | None = None) -> list[Object]:
        """The deployments that a caller may list. Raises WebError (403) for a namespace they may not."""
        if namespace is not None:
            allowed = await self._rights.may(caller, on_deployment("list", ""))
            if not allowed:
                await self._rights.require(caller, on_deployment("list", namespace))
            return [obj for key, obj in self.deployments.objects.items() if key[0] == namespace]
        seen = await self.namespaces_of(caller)
        return [obj for key, obj in self.deployments.objects.items() if seen is None or key[0] in seen]

    async def changed_after(self, version: int) -> int:
        """Wait until `version` is no longer the newest, or nothing is told any more; answers the newest."""
        while self.version <= version and not self.is_over:
            await self._changed.wait()
        return self.version

    def tell_no_more(self) -> None:
        """Let go of who waits for changes: a server that stops waits for them."""
        self.is_over = True
        self._wake()

    def _on_deployment(self, change: ObjectChange) -> None:
        self.deployments.change(change)
        key = key_of(change.object)
        if change.type == "deleted":
            self._revisions.pop(key, None)
            self._moved(())
        else:
            self._moved([key])

    def _on_config(self, change: ObjectChange) -> None:
        self.configs.change(change)
        self._moved(())

    def _on_node(self, change: ObjectChange) -> None:
        self.nodes.change(change)
        self._moved(())

    def _on_pod(self, change: ObjectChange) -> None:
        concerned = self.pods.change(change)
        if concerned:
            self._moved(key for key in concerned if key in self.deployments.objects)

    def _moved(self, keys: Iterable[Key]) -> None:
        self.version += 1
        for key in keys:
            self._revisions[key] = self.version
        self._wake()

    def _wake(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()


def key_of(obj: Object) -> Key:
    """Namespace, empty for what is the cluster's, and name."""
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]
