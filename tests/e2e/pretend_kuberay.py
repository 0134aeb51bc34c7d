"""A pretend KubeRay operator: RayServices get RayClusters, and those get pods, which are ready at once.

As the real one (ray-project/kuberay, 1.3 to 1.7, `rayservice_controller.go`, `raycluster_controller.go`):

- a RayCluster is a copy of the RayService's cluster, with labels and annotations, made as pending and
  promoted when it serves; another one is made when the hash differs, which leaves numbers of workers out,
  and from 1.5.2 on tolerations and scheduling gates too;
- the RayService's status is written only when something differs in it besides the copies of its clusters'
  statuses;
- counts of zero are left out.

Serving fails where the image is called `bad/…`; more than `gpus` workers in all stay Pending.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from airunway.clients.errors import AlreadyExists, Conflict, NotFound
from airunway.clients.kubernetes import PODS, Cluster, Object, Resource
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.sandbox.operators.objects import controller_of, now, owner_reference, with_condition

SERVICES, CLUSTERS = Resource("ray.io/v1", "rayservices"), Resource("ray.io/v1", "rayclusters")
MANAGER = "manager"
"""What the real operator's writes are called: it sets none, so its program's name."""
HASH = "ray.io/hash-without-replicas-and-workers-to-delete"
ACTIVE, PENDING = "activeServiceStatus", "pendingServiceStatus"
_COUNTS = ("replicas", "minReplicas", "maxReplicas", "scaleStrategy")


class PretendKubeRay:
    """Run one task of it. `blind`: as 1.7 it does not see tolerations change."""

    def __init__(self, cluster: Cluster, namespace: str, *, blind: bool, gpus: int = 1000) -> None:
        self._cluster, self._namespace, self._blind, self.gpus = cluster, namespace, blind, gpus
        self._changed = asyncio.Event()
        self.paused = False

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in (SERVICES, CLUSTERS, PODS):
                group.create_task(Reflector(self._cluster, kind, self._on_change).run())
            while True:
                await self._changed.wait()
                self._changed.clear()
                # What a conflict or a deletion beside us cut short is done after the event that it makes.
                with suppress(Conflict, NotFound, AlreadyExists):
                    await self.look()

    def look_again(self) -> None:
        """Something that no object tells has changed, as `gpus`."""
        self._changed.set()

    async def all(self, kind: Resource) -> list[Object]:
        """Those of the namespace."""
        return (await self._cluster.listing(kind, namespace=self._namespace)).items

    def _on_change(self, change: ObjectChange) -> None:
        if change.object["metadata"].get("namespace") == self._namespace:
            self._changed.set()

    async def look(self) -> None:
        """Bring everything a step nearer to what it should be."""
        if self.paused:
            return
        services = {obj["metadata"]["uid"]: obj for obj in await self.all(SERVICES)}
        for ray_cluster in await self.all(CLUSTERS):
            owner = controller_of(ray_cluster)
            if owner is None or owner["uid"] not in services:
                await self._delete(CLUSTERS, ray_cluster)
        for ray_cluster in await self.all(CLUSTERS):
            await self._workers(ray_cluster)
        await self._place()
        for ray_cluster in await self.all(CLUSTERS):
            await self._count(ray_cluster)
        for service in services.values():
            await self._serve(service)

    # -- RayService ---------------------------------------------------------------------------------------

    async def _serve(self, service: Object) -> None:
        before = service.get("status") or {}
        status = copy.deepcopy(before)
        clusters = {obj["metadata"]["name"]: obj for obj in await self.all(CLUSTERS)}
        for which in (ACTIVE, PENDING):
            status.setdefault(which, {})
        pending_name = status[PENDING].get("rayClusterName")
        if pending_name and pending_name not in clusters:
            await self._make(service, pending_name)
            return
        active = clusters.get(status[ACTIVE].get("rayClusterName", ""))
        pending = clusters.get(pending_name or "")
        status["observedGeneration"] = service["metadata"]["generation"]
        serving = False
        for which, made in ((ACTIVE, active), (PENDING, pending)):
            status[which].pop("applicationStatuses", None)
            status[which].pop("rayClusterStatus", None)
            if made is not None:
                status[which]["rayClusterStatus"] = made.get("status") or {}
        deployed = pending or active
        if deployed is not None and not (pending is None and self._differs(service, active)):
            application = self._application(deployed)
            if application:
                status[PENDING if pending else ACTIVE]["applicationStatuses"] = {"llm": application}
            if pending is not None and application.get("status") == "RUNNING":
                status[ACTIVE], status[PENDING] = status[PENDING], {}
                serving, active = True, pending
        latest = clusters.get(status[PENDING].get("rayClusterName", "")) or active
        if not serving and (latest is None or self._differs(service, latest)):
            name = f"{service['metadata']['name']}-raycluster-{uuid.uuid4().hex[:5]}"
            status[PENDING] = {"rayClusterName": name}
        self._conditions(status, active)
        if _compared(status) != _compared(before):
            patch = {"status": {**status, "lastUpdateTime": now()}}
            await self._replace_status(SERVICES, service, patch["status"])
        for name, made in clusters.items():
            owner = controller_of(made)
            known = [status[which].get("rayClusterName") for which in (ACTIVE, PENDING)]
            if owner and owner["uid"] == service["metadata"]["uid"] and name not in known:
                await self._delete(CLUSTERS, made)

    def _conditions(self, status: Object, active: Object | None) -> None:
        ready = ((active or {}).get("status") or {}).get("head", {}).get("podName")
        endpoints = 1 + (active or {}).get("status", {}).get("readyWorkerReplicas", 0) if ready else 0
        status["numServeEndpoints"] = endpoints
        upgrading = bool(status[ACTIVE].get("rayClusterName") and status[PENDING].get("rayClusterName"))
        found = status.get("conditions") or []
        for kind, holds, reason in (
            ("Ready", endpoints > 0, "NonZeroServeEndpoints" if endpoints else "Initializing"),
            (
                "UpgradeInProgress",
                upgrading,
                "BothActivePendingClustersExist" if upgrading else "NoPendingCluster",
            ),
        ):
            entry = {"type": kind, "status": str(holds), "reason": reason, "message": reason}
            found = with_condition(found, {**entry, "observedGeneration": status["observedGeneration"]})
        status["conditions"] = found

    def _application(self, made: Object) -> Object:
        status = made.get("status") or {}
        if not status.get("head"):
            return {}
        if made["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"].startswith("bad/"):
            return {"status": "DEPLOY_FAILED", "message": "no module named vllm_serve"}
        short = status.get("availableWorkerReplicas", 0) < status.get("desiredWorkerReplicas", 0)
        return {"status": "DEPLOYING"} if short else {"status": "RUNNING"}

    def _differs(self, service: Object, made: Object) -> bool:
        return made["metadata"]["annotations"][HASH] != self._hash(service["spec"]["rayClusterConfig"])

    def _hash(self, config: Mapping[str, Any]) -> str:
        known = copy.deepcopy(dict(config))
        groups = known.get("workerGroupSpecs") or []
        known["workerGroupSpecs"] = [
            {key: value for key, value in group.items() if key not in _COUNTS} for group in groups
        ]
        for group in (known["headGroupSpec"], *known["workerGroupSpecs"]) if self._blind else ():
            for field in ("tolerations", "schedulingGates"):
                group["template"]["spec"].pop(field, None)
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    async def _make(self, service: Object, name: str) -> None:
        meta = service["metadata"]
        config = service["spec"]["rayClusterConfig"]
        body = {
            "apiVersion": "ray.io/v1",
            "kind": "RayCluster",
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": {**(meta.get("labels") or {}), "ray.io/originated-from-cr-name": meta["name"]},
                "annotations": {**(meta.get("annotations") or {}), HASH: self._hash(config)},
                "ownerReferences": [owner_reference(service, "ray.io/v1", "RayService")],
            },
            "spec": copy.deepcopy(config),
        }
        await self._cluster.create(CLUSTERS, body, namespace=self._namespace, field_manager=MANAGER)

    # -- RayCluster ---------------------------------------------------------------------------------------

    async def _workers(self, made: Object) -> None:
        pods = await self._pods_of(made)
        wanted = {"headgroup": (1, made["spec"]["headGroupSpec"]["template"])}
        for group in made["spec"].get("workerGroupSpecs") or []:
            most = min(max(group["replicas"], group["minReplicas"]), group["maxReplicas"])
            wanted[group["groupName"]] = (most, group["template"])
        for name, (count, template) in wanted.items():
            there = [pod for pod in pods if pod["metadata"]["labels"]["ray.io/group"] == name]
            for pod in there[count:]:
                await self._delete(PODS, pod)
            for _ in range(count - len(there)):
                await self._cluster.create(PODS, _pod(made, name, template), namespace=self._namespace)

    async def _place(self) -> None:
        """As scheduler and kubelet do."""
        pods = await self.all(PODS)
        workers = [pod for pod in pods if pod["metadata"]["labels"].get("ray.io/node-type") == "worker"]
        free = self.gpus - sum(_is_running(pod) for pod in workers)
        for pod in pods:
            is_worker = pod in workers
            if _is_running(pod) or (is_worker and free <= 0):
                continue
            free -= is_worker
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            await self._status(PODS, pod, status)

    async def _count(self, made: Object) -> None:
        pods = [pod for pod in await self._pods_of(made) if _is_running(pod)]
        heads = [pod for pod in pods if pod["metadata"]["labels"]["ray.io/node-type"] == "head"]
        groups = made["spec"].get("workerGroupSpecs") or []
        counts = {
            "desiredWorkerReplicas": sum(group["replicas"] for group in groups),
            "minWorkerReplicas": sum(group["minReplicas"] for group in groups),
            "maxWorkerReplicas": sum(group["maxReplicas"] for group in groups),
            "availableWorkerReplicas": len(pods) - len(heads),
            "readyWorkerReplicas": len(pods) - len(heads),
        }
        status: Object = {
            **{key: value for key, value in counts.items() if value},
            "observedGeneration": made["metadata"]["generation"],
            "conditions": [],
            **({"head": {"podName": heads[0]["metadata"]["name"]}, "state": "ready"} if heads else {}),
        }
        before = {key: value for key, value in (made.get("status") or {}).items() if key != "lastUpdateTime"}
        if status != before:
            await self._replace_status(CLUSTERS, made, {**status, "lastUpdateTime": now()})

    async def _pods_of(self, made: Object) -> list[Object]:
        uid = made["metadata"]["uid"]
        return [
            pod
            for pod in await self.all(PODS)
            if (owner := controller_of(pod))
            and owner["uid"] == uid
            and "deletionTimestamp" not in pod["metadata"]
        ]

    # -- requests -----------------------------------------------------------------------------------------

    async def _status(self, kind: Resource, obj: Object, status: Object) -> None:
        await self._cluster.patch(
            kind,
            obj["metadata"]["name"],
            {"status": status},
            namespace=self._namespace,
            subresource="status",
            field_manager=MANAGER,
        )

    async def _replace_status(self, kind: Resource, obj: Object, status: Object) -> None:
        """The whole status, as an update writes it: a merge would keep what is left out."""
        gone = {key: None for key in (obj.get("status") or {}) if key not in status}
        nested = {
            key: _merged_over((obj.get("status") or {}).get(key), value) for key, value in status.items()
        }
        await self._status(kind, obj, {**gone, **nested})

    async def _delete(self, kind: Resource, obj: Object) -> None:
        meta = obj["metadata"]
        with suppress(NotFound, Conflict):
            await self._cluster.delete(kind, meta["name"], namespace=self._namespace, uid=meta["uid"])


def _merged_over(before: Any, after: Any) -> Any:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    gone = {key: None for key in before if key not in after}
    return {**gone, **{key: _merged_over(before.get(key), value) for key, value in after.items()}}


def _compared(status: Mapping[str, Any]) -> Any:
    """What the operator compares before it writes a RayService's status."""
    clusters = {
        which: {
            key: value
            for key, value in (status.get(which) or {}).items()
            if key in ("rayClusterName", "applicationStatuses") and value
        }
        for which in (ACTIVE, PENDING)
    }
    return clusters, status.get("conditions"), status.get("numServeEndpoints")


def _pod(made: Object, group: str, template: Object) -> Object:
    kind = "head" if group == "headgroup" else "worker"
    meta = template.get("metadata") or {}
    labels = {"ray.io/cluster": made["metadata"]["name"], "ray.io/group": group, "ray.io/node-type": kind}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{made['metadata']['name']}-{kind}-{uuid.uuid4().hex[:5]}",
            "labels": {**(meta.get("labels") or {}), **labels},
            "annotations": meta.get("annotations") or {},
            "ownerReferences": [owner_reference(made, "ray.io/v1", "RayCluster")],
        },
        "spec": copy.deepcopy(template["spec"]),
    }


def _is_running(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"
