"""What the pretend operators of providers share: they work while installed, and make Deployments.

An operator works only while its own Deployment has a ready pod, so scaling that to zero shows what an
operator that is down looks like. Nothing of it costs anything before its chart is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from airunway.api.names import SANDBOX_FIELD_MANAGER
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, NAMESPACES, Cluster, Resource
from airunway.sandbox import charts
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, Object, key_of, owner_reference, short_hash

SERVICES = Resource("v1", "services")
WHILE_DOWN = 1.0
"""Seconds until an operator that is down is asked again."""
_MADE_OF = "sandbox.airunway.ai/made-of"


async def install(cluster: Cluster, chart: str, *, namespace: str) -> None:
    """What installing a chart of the sandbox brings, without Helm. Again: no change."""
    with suppress(AlreadyExists):
        await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    for obj in charts.objects(chart):
        if obj["kind"] == "CustomResourceDefinition":
            await apply_crd(cluster, obj, field_manager=SANDBOX_FIELD_MANAGER)
            continue
        with suppress(AlreadyExists):
            await cluster.create(APPS_DEPLOYMENTS, obj, namespace=namespace)


class UpstreamOperator:
    """One operator. `own`: namespace and name of its Deployment."""

    def __init__(self, own: Key, deployments: KindCache) -> None:
        self._own, self._deployments = own, deployments
        self.up = asyncio.Event()
        """Set once its own Deployment was ready."""
        self.caches: list[KindCache] = []
        self.controllers: list[Controller] = []
        deployments.on_change(lambda _: self._note_up())

    def is_up(self) -> bool:
        """Whether it works now."""
        operator = self._deployments.get(self._own)
        return bool(operator and (operator.get("status") or {}).get("readyReplicas"))

    async def synced(self) -> None:
        """Wait until it is installed and has seen everything."""
        await self.up.wait()
        await asyncio.gather(*(cache.follow.synced.wait() for cache in self.caches))

    async def run(self) -> None:
        """Work until cancelled; its kinds are not there before its chart is installed."""
        await self.up.wait()
        async with asyncio.TaskGroup() as group:
            for cache in self.caches:
                group.create_task(cache.follow.run())
            await self.synced()
            for controller in self.controllers:
                group.create_task(controller.run())

    def _note_up(self) -> None:
        if self.is_up():
            self.up.set()


def owned(owner: Mapping[str, Any], name: str, labels: Mapping[str, str], *, api_version: str) -> Object:
    """The metadata of something made for an object of an operator's kind."""
    return {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(labels),
        "ownerReferences": [owner_reference(owner, api_version, owner["kind"])],
    }


def deployment(
    owner: Mapping[str, Any],
    name: str,
    template: Mapping[str, Any],
    *,
    api_version: str,
    replicas: int,
    select: Mapping[str, str],
) -> Object:
    """A Deployment of an operator's object; `select`: the labels by which it knows its pods."""
    spec: Object = {
        "selector": {"matchLabels": dict(select)},
        "template": dict(template),
        # GPUs are scarce: a pod goes before its successor comes.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    }
    meta = owned(owner, name, select, api_version=api_version)
    meta["annotations"] = {_MADE_OF: short_hash(spec)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"replicas": replicas, **spec},
    }


def service(
    owner: Mapping[str, Any],
    name: str,
    select: Mapping[str, str],
    ports: Mapping[str, int],
    *,
    api_version: str,
) -> Object:
    """A Service of an operator's object, `ports` by name."""
    entries = [{"name": key, "port": port, "targetPort": port} for key, port in ports.items()]
    meta = owned(owner, name, {}, api_version=api_version)
    spec = {"type": "ClusterIP", "selector": dict(select), "ports": entries}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


async def bring_about(
    deployments: KindCache, owner: Mapping[str, Any], wanted: Sequence[Object]
) -> dict[str, Object]:
    """Make an object's Deployments what they are to be; answers, by name, those that there are."""
    known = {obj["metadata"]["name"]: obj for obj in deployments.owned_by(owner["metadata"]["uid"])}
    kept: dict[str, Object] = {}
    for one in wanted:
        name = one["metadata"]["name"]
        there = known.pop(name, None)
        if there is None:
            with suppress(AlreadyExists):  # a predecessor's is still being collected
                kept[name] = await deployments.create(one)
        elif _differs(there, one):
            annotations = {_MADE_OF: one["metadata"]["annotations"][_MADE_OF]}
            body = {"metadata": {"annotations": annotations}, "spec": one["spec"]}
            kept[name] = await deployments.patch(there, body)
        else:
            kept[name] = there
    for left in known.values():
        if not deployments.is_deleted(left):
            await deployments.delete(left)
    return kept


def _differs(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    made_of = (there["metadata"].get("annotations") or {}).get(_MADE_OF)
    return bool(
        made_of != wanted["metadata"]["annotations"][_MADE_OF]
        or there["spec"].get("replicas") != wanted["spec"]["replicas"]
    )


async def bring_services(cluster: Cluster, wanted: Sequence[Object]) -> None:
    """Make the Services that are not there, and let the others select what they are to."""
    for one in wanted:
        namespace, name = key_of(one)
        try:
            await cluster.create(SERVICES, one, namespace=namespace)
        except AlreadyExists:
            selector = {"spec": {"selector": one["spec"]["selector"]}}
            await cluster.patch(SERVICES, name, selector, namespace=namespace)


def ready_replicas(deployment: Mapping[str, Any] | None) -> int:
    """How many pods of a Deployment of the present template are ready."""
    status = (deployment or {}).get("status") or {}
    if not deployment or status.get("observedGeneration") != deployment["metadata"]["generation"]:
        return 0
    return min(int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0))
