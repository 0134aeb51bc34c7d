"""The pretend Deployment controller: one ReplicaSet a pod template, rolled over as Kubernetes does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.clients.errors import AlreadyExists
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import (
    Key,
    Object,
    condition,
    controller_of,
    key_of,
    owner_reference,
    short_hash,
)
from airunway.sandbox.operators.rollout import (
    DEFAULT_DEADLINE_SECONDS,
    SetState,
    scales,
    scales_while_paused,
    status_of,
)
from airunway.sandbox.operators.workloads import APPS, template_of

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    """Rolls every Deployment out."""

    def __init__(self, deployments: KindCache, replica_sets: KindCache) -> None:
        self._deployments, self._sets = deployments, replica_sets
        self.controller = Controller("deployment", self._reconcile)
        deployments.on_change(lambda obj: self.controller.enqueue(key_of(obj)))
        replica_sets.on_change(self._set_changed)

    def _set_changed(self, replica_set: Object) -> None:
        owner = controller_of(replica_set)
        if owner and owner["kind"] == "Deployment":
            self.controller.enqueue((replica_set["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        deployment = self._deployments.get(key)
        if deployment is None or self._deployments.is_deleted(deployment):
            return None
        current = self._current_set(deployment)
        if deployment["spec"].get("paused"):
            newest_first = sorted(self._owned(deployment), key=lambda entry: -_revision([entry]))
            await self._scale(deployment, scales_while_paused(deployment, _states(newest_first)))
        else:
            current = current or await self._create_set(deployment)
            if current is None:
                return None  # it was created by a run before; the watch will show it
            others = _states(self._other_sets(deployment, current))
            await self._scale(deployment, scales(deployment, SetState.of(current), others))
        await self._write_status(deployment)
        await self._forget_old(deployment, self._other_sets(deployment, current))
        return self._until_deadline(deployment)

    def _owned(self, deployment: Mapping[str, Any]) -> list[Object]:
        owned = self._sets.owned_by(deployment["metadata"]["uid"])
        return [entry for entry in owned if not self._sets.is_deleted(entry)]

    def _current_set(self, deployment: Mapping[str, Any]) -> Object | None:
        """The ReplicaSet of the template, if it was made already."""
        template_hash = short_hash(template_of(deployment))
        owned = self._sets.owned_by(deployment["metadata"]["uid"])
        found = (entry for entry in owned if entry["metadata"]["labels"].get(HASH_LABEL) == template_hash)
        return next(found, None)

    def _other_sets(self, deployment: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Object]:
        name = current["metadata"]["name"] if current else ""
        return [entry for entry in self._owned(deployment) if entry["metadata"]["name"] != name]

    async def _create_set(self, deployment: Object) -> Object | None:
        revision = _revision(self._sets.owned_by(deployment["metadata"]["uid"])) + 1
        body = _replica_set(deployment, short_hash(template_of(deployment)), revision)
        try:
            created = await self._sets.create(body)
        except AlreadyExists:
            return None
        await self._deployments.patch(deployment, {"metadata": {"annotations": {REVISION: str(revision)}}})
        return created

    async def _scale(self, deployment: Mapping[str, Any], changes: Mapping[str, int]) -> None:
        for entry in self._owned(deployment):
            if (name := entry["metadata"]["name"]) in changes:
                await self._sets.patch(entry, {"spec": {"replicas": changes[name]}})

    async def _write_status(self, deployment: Object) -> None:
        current = self._current_set(deployment)
        failed = condition(current, "ReplicaFailure") if current else None
        status = status_of(
            # The status was written by an earlier round; its conditions are continued.
            self._deployments.get(key_of(deployment)) or deployment,
            SetState.of(current) if current else SetState.none(),
            _states(self._other_sets(deployment, current)),
            str(failed["message"]) if failed else "",
        )
        status["observedGeneration"] = deployment["metadata"]["generation"]
        await self._deployments.patch(deployment, status, status=True)

    async def _forget_old(self, deployment: Mapping[str, Any], others: list[Object]) -> None:
        keep = deployment["spec"].get("revisionHistoryLimit", 10)
        states = {entry["metadata"]["name"]: SetState.of(entry) for entry in others}
        empty = [
            entry for entry in others if not any((states[entry["metadata"]["name"]].wanted, _pods(entry)))
        ]
        empty.sort(key=lambda entry: _revision([entry]))
        for entry in empty[: max(0, len(empty) - keep)]:
            await self._sets.delete(entry)

    def _until_deadline(self, deployment: Mapping[str, Any]) -> float | None:
        progressing = condition(self._deployments.get(key_of(deployment)) or deployment, "Progressing")
        rolling = progressing is not None and progressing["reason"] in (
            "ReplicaSetUpdated",
            "NewReplicaSetCreated",
        )
        deadline = deployment["spec"].get("progressDeadlineSeconds", DEFAULT_DEADLINE_SECONDS)
        return float(deadline) + 1 if rolling else None


def _states(replica_sets: list[Object]) -> list[SetState]:
    return [SetState.of(entry) for entry in replica_sets]


def _pods(replica_set: Mapping[str, Any]) -> int:
    return int((replica_set.get("status") or {}).get("replicas") or 0)


def _revision(replica_sets: list[Object]) -> int:
    found = [
        (entry["metadata"].get("annotations") or {}).get(REVISION, "0")  # annotations are the record
        for entry in replica_sets
    ]
    return max(map(int, found), default=0)


def _replica_set(deployment: Mapping[str, Any], template_hash: str, revision: int) -> Object:
    template = template_of(deployment)
    labels = {**(template.get("metadata", {}).get("labels") or {}), HASH_LABEL: template_hash}
    selector = {**deployment["spec"]["selector"]["matchLabels"], HASH_LABEL: template_hash}
    metadata = {**(template.get("metadata") or {}), "labels": labels}
    return {
        "apiVersion": APPS,
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{template_hash}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": labels,
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment, APPS, "Deployment")],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": selector},
            "template": {**template, "metadata": metadata},
        },
    }
