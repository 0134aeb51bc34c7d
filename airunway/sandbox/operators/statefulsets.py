"""The pretend StatefulSet controller: numbered pods, replaced one at a time when the template changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.clients.errors import AlreadyExists, Forbidden, Invalid
from airunway.clients.kubernetes import Cluster
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.events import record
from airunway.sandbox.operators.objects import Key, Object, controller_of, is_ready, key_of, short_hash
from airunway.sandbox.operators.workloads import (
    APPS,
    PodCounts,
    pod_from,
    refuse_by_quota,
    template_of,
    wanted_replicas,
)

REVISION_LABEL = "controller-revision-hash"
QUOTA_RETRY = 2.0


class StatefulSets:
    """Keeps the pods of every StatefulSet."""

    def __init__(self, cluster: Cluster, stateful_sets: KindCache, pods: KindCache) -> None:
        self._cluster, self._sets, self._pods = cluster, stateful_sets, pods
        self.controller = Controller("statefulset", self._reconcile)
        stateful_sets.on_change(lambda obj: self.controller.enqueue(key_of(obj)))
        pods.on_change(self._pod_changed)

    def _pod_changed(self, pod: Object) -> None:
        owner = controller_of(pod)
        if owner and owner["kind"] == "StatefulSet":
            self.controller.enqueue((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        stateful_set = self._sets.get(key)
        if stateful_set is None or self._sets.is_deleted(stateful_set):
            return None
        refused = await self._scale(stateful_set)
        await self._write_status(stateful_set)
        return QUOTA_RETRY if refused else None

    async def _scale(self, stateful_set: Object) -> bool:
        revision = _revision(stateful_set)
        owned = {pod["metadata"]["name"]: pod for pod in self._pods.owned_by(stateful_set["metadata"]["uid"])}
        wanted = [
            f"{stateful_set['metadata']['name']}-{number}" for number in range(wanted_replicas(stateful_set))
        ]
        for name, pod in owned.items():
            if name not in wanted and not self._pods.is_deleted(pod):
                await self._pods.delete(pod)
        one_by_one = stateful_set["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for name in wanted:
            existing = owned.get(name)
            if existing is None:
                if not await self._create(stateful_set, name, revision):
                    return True
                existing = self._pods.get((stateful_set["metadata"]["namespace"], name))
            if one_by_one and (existing is None or not is_ready(existing)):
                return False
        await self._replace_one(stateful_set, list(owned.values()), revision)
        return False

    async def _create(self, stateful_set: Object, name: str, revision: str) -> bool:
        owner = stateful_set["metadata"]["name"]
        labels = {"statefulset.kubernetes.io/pod-name": name, REVISION_LABEL: revision}
        pod = pod_from(template_of(stateful_set), stateful_set, "StatefulSet", name, labels=labels)
        try:
            refuse_by_quota(pod)
            await self._pods.create(pod)
        except AlreadyExists:
            return True  # its predecessor is still going away, or somebody else's pod has the name
        except (Forbidden, Invalid) as err:  # a name over 52 letters is too long for the revision's label
            await record(
                self._cluster,
                stateful_set,
                kind="StatefulSet",
                api_version=APPS,
                reason="FailedCreate",
                message=f"Create Pod {name} in StatefulSet {owner} failed error: {err}",
                component="statefulset-controller",
                warning=True,
            )
            return False
        return True

    async def _replace_one(self, stateful_set: Object, pods: list[Object], revision: str) -> None:
        """Roll a new template out: the highest number first, the next when it serves."""
        if (stateful_set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
            return
        if any(self._pods.is_deleted(pod) for pod in pods):
            return
        for pod in sorted(pods, key=_number, reverse=True):
            if (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) != revision:
                await self._pods.delete(pod)
                return
            if not is_ready(pod):
                return

    async def _write_status(self, stateful_set: Object) -> None:
        owned = self._pods.owned_by(stateful_set["metadata"]["uid"])
        pods = [pod for pod in owned if not self._pods.is_deleted(pod)]
        counts = PodCounts.of(pods)
        revision = _revision(stateful_set)
        updated = [
            pod for pod in pods if (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision
        ]
        status = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": counts.total,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.ready,
            "currentReplicas": len(updated),
            "updatedReplicas": len(updated),
            "currentRevision": revision,
            "updateRevision": revision,
        }
        await self._sets.patch(stateful_set, status, status=True)


def _revision(stateful_set: Mapping[str, Any]) -> str:
    """The name of the ControllerRevision, which pods carry whole in their label."""
    return f"{stateful_set['metadata']['name']}-{short_hash(template_of(stateful_set))}"


def _number(pod: Mapping[str, Any]) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])
