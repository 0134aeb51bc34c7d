"""The pretend ReplicaSet controller: as many pods as asked for, and their counts in the status."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import Cluster
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.events import record
from airunway.sandbox.operators.objects import (
    Key,
    Object,
    condition,
    controller_of,
    is_ready,
    key_of,
    with_condition,
)
from airunway.sandbox.operators.workloads import (
    APPS,
    PodCounts,
    pod_from,
    refuse_by_quota,
    template_of,
    wanted_replicas,
)

QUOTA_RETRY = 2.0


class ReplicaSets:
    """Keeps the pods of every ReplicaSet."""

    def __init__(self, cluster: Cluster, replica_sets: KindCache, pods: KindCache) -> None:
        self._cluster, self._sets, self._pods = cluster, replica_sets, pods
        self.controller = Controller("replicaset", self._reconcile)
        replica_sets.on_change(lambda obj: self.controller.enqueue(key_of(obj)))
        pods.on_change(self._pod_changed)

    def _pod_changed(self, pod: Object) -> None:
        owner = controller_of(pod)
        if owner and owner["kind"] == "ReplicaSet":
            self.controller.enqueue((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        replica_set = self._sets.get(key)
        if replica_set is None or self._sets.is_deleted(replica_set):
            return None
        refused = ""
        try:
            await self._scale(replica_set)
        except Forbidden as err:
            refused = str(err)
        await self._write_status(replica_set, refused)
        return QUOTA_RETRY if refused else None

    def _active(self, replica_set: Mapping[str, Any]) -> list[Object]:
        owned = self._pods.owned_by(replica_set["metadata"]["uid"])
        return [pod for pod in owned if not self._pods.is_deleted(pod)]

    async def _scale(self, replica_set: Object) -> None:
        pods = self._active(replica_set)
        missing = wanted_replicas(replica_set) - len(pods)
        for _ in range(missing):
            name = f"{replica_set['metadata']['name']}-{secrets.token_hex(3)[:5]}"
            pod = pod_from(template_of(replica_set), replica_set, "ReplicaSet", name)
            refuse_by_quota(pod)
            await self._pods.create(pod)
        # Those that do not serve go first.
        surplus = sorted(pods, key=is_ready)[: max(0, -missing)]
        for pod in surplus:
            await self._pods.delete(pod)

    async def _write_status(self, replica_set: Object, refused: str) -> None:
        counts = PodCounts.of(self._active(replica_set))
        known = (replica_set.get("status") or {}).get("conditions") or []
        conditions = [entry for entry in known if entry["type"] != "ReplicaFailure"]
        if refused:
            conditions = _refused(replica_set, known, refused)
            await record(
                self._cluster,
                replica_set,
                kind="ReplicaSet",
                api_version=APPS,
                reason="FailedCreate",
                message=f"Error creating: {refused}",
                component="replicaset-controller",
                warning=True,
            )
        status = {
            "observedGeneration": replica_set["metadata"]["generation"],
            "replicas": counts.total,
            "fullyLabeledReplicas": counts.total,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.ready,
            "conditions": conditions or None,
        }
        await self._sets.patch(replica_set, status, status=True)


def _refused(replica_set: Mapping[str, Any], known: list[Object], message: str) -> list[Object]:
    # As in Kubernetes, the first message stays: each try names another pod, and a status that changed with
    # every try would be its own reason for the next one.
    if condition(replica_set, "ReplicaFailure"):
        return known
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return with_condition(known, failure)
