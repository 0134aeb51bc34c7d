"""The pretend scheduler: binds pods to pretend nodes, or says why none takes them."""

from __future__ import annotations

from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.claims import CLAIMS
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.events import record
from airunway.sandbox.operators.faults import is_instant
from airunway.sandbox.operators.objects import Key, Object, condition, key_of, now
from airunway.sandbox.operators.placement import Placement, place
from airunway.sandbox.operators.timing import Timing

COMPONENT = "default-scheduler"


class Scheduler:
    """Schedules every pod without a node; tries again when a pod goes or a node changes."""

    def __init__(self, cluster: Cluster, pods: KindCache, nodes: KindCache, timing: Timing) -> None:
        self._cluster, self._pods, self._nodes, self._timing = cluster, pods, nodes, timing
        self._seen: set[str] = set()  # uids whose scheduling delay has begun
        # Room that was given out but whose binding the watch has not shown yet.
        self._bound: dict[str, str] = {}
        self.controller = Controller("scheduler", self._schedule)
        pods.on_change(self._pod_changed)
        nodes.on_change(lambda _: self._retry_all())

    def _pod_changed(self, pod: Object) -> None:
        if _waits(pod):
            self.controller.enqueue(key_of(pod))
        if self._pods.get(key_of(pod)) is None or _ended(pod):
            self._bound.pop(pod["metadata"]["uid"], None)
            self._seen.discard(pod["metadata"]["uid"])
            self._retry_all()  # there is room again

    def _retry_all(self) -> None:
        for pod in self._pods:
            if _waits(pod):
                self.controller.enqueue(key_of(pod))

    async def _schedule(self, key: Key) -> float | None:
        pod = self._pods.get(key)
        if pod is None or not _waits(pod) or self._pods.is_deleted(pod):
            return None
        uid = pod["metadata"]["uid"]
        if uid not in self._seen:
            self._seen.add(uid)
            if self._timing.schedule and not is_instant(pod):
                return self._timing.schedule
        if uid in self._bound:
            return None
        missing = await self._missing_claim(pod)
        # No await from here to the booking: two pods must not be given the same room.
        placement = Placement(message=missing) if missing else self._place(pod)
        if not placement.node:
            await self._refuse(pod, placement.message)
            return self._timing.backoff if missing else None
        self._bound[uid] = placement.node
        try:
            await self._bind(pod, placement.node)
        except BaseException:
            self._bound.pop(uid, None)
            raise
        return None

    def _place(self, pod: Object) -> Placement:
        nodes = [node for node in self._nodes if not node.get("spec", {}).get("unschedulable")]
        return place(pod, nodes, [self._with_booking(other) for other in self._pods])

    def _with_booking(self, pod: Object) -> Object:
        booked = self._bound.get(pod["metadata"]["uid"])
        return {**pod, "spec": {**pod["spec"], "nodeName": booked}} if booked else pod

    async def _missing_claim(self, pod: Object) -> str:
        namespace = pod["metadata"]["namespace"]
        for volume in pod["spec"].get("volumes") or []:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim and await self._cluster.find(CLAIMS, claim, namespace=namespace) is None:
                return f'persistentvolumeclaim "{claim}" not found'
        return ""

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key_of(pod)
        binding: Object = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._cluster.create(Resource("v1", f"pods/{name}/binding"), binding, namespace=namespace)
        await record(
            self._cluster,
            pod,
            kind="Pod",
            reason="Scheduled",
            message=f"Successfully assigned {namespace}/{name} to {node}",
            component=COMPONENT,
        )

    async def _refuse(self, pod: Object, message: str) -> None:
        known = condition(pod, "PodScheduled")
        if known is not None and known.get("message") == message:
            return
        refused = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": now(),
        }
        status = {"phase": "Pending", "conditions": [refused]}
        await self._pods.patch(pod, status, status=True)
        await record(
            self._cluster,
            pod,
            kind="Pod",
            reason="FailedScheduling",
            message=message,
            component=COMPONENT,
            warning=True,
        )


def _waits(pod: Object) -> bool:
    return not pod["spec"].get("nodeName") and not _ended(pod)


def _ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
