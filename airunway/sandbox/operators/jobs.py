"""The pretend job controller: one pod for a Job, which is complete when the pod has ended."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import Resource
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import (
    Key,
    Object,
    controller_of,
    key_of,
    now,
    owner_reference,
    short_hash,
)

JOBS = Resource("batch/v1", "jobs")


class Jobs:
    """Reconciles Jobs."""

    def __init__(self, jobs: KindCache, pods: KindCache) -> None:
        self._jobs, self._pods = jobs, pods
        self.controller = Controller("jobs", self._reconcile)
        jobs.on_change(lambda obj: self.controller.enqueue(key_of(obj)))
        pods.on_change(self._pod_changed)

    def _pod_changed(self, pod: Object) -> None:
        owner = controller_of(pod)
        if owner and owner["kind"] == "Job":
            self.controller.enqueue((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> float | None:
        job = self._jobs.get(key)
        if job is None or self._jobs.is_deleted(job) or _is_over(job) or job["spec"].get("suspend"):
            return None
        pods = self._pods.owned_by(job["metadata"]["uid"])
        if not pods:
            with suppress(AlreadyExists):
                pods = [await self._pods.create(_pod(job))]
        done = any((pod.get("status") or {}).get("phase") == "Succeeded" for pod in pods)
        await self._jobs.patch(job, _status(job, done=done), status=True)
        return None


def _is_over(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def _pod(job: Mapping[str, Any]) -> Object:
    template, meta = job["spec"]["template"], job["metadata"]
    own = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{short_hash(meta['uid'])[:5]}",
            "namespace": meta["namespace"],
            "labels": dict(own.get("labels") or {}),
            "annotations": dict(own.get("annotations") or {}),
            "ownerReferences": [owner_reference(job, "batch/v1", "Job")],
        },
        "spec": dict(template["spec"]),
    }


def _status(job: Mapping[str, Any], *, done: bool) -> Object:
    began = (job.get("status") or {}).get("startTime") or now()
    if not done:
        return {"startTime": began, "active": 1}
    conditions = [
        {"type": name, "status": "True", "lastProbeTime": now(), "lastTransitionTime": now()}
        for name in ("SuccessCriteriaMet", "Complete")
    ]
    return {
        "startTime": began,
        "active": None,
        "succeeded": 1,
        "completionTime": now(),
        "conditions": conditions,
    }
