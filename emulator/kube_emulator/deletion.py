"""Deletes objects: preconditions, finalizers, propagation policies.

Rules: k8s.io/apiserver/pkg/registry/rest/delete.go and .../generic/registry/store.go. Grace periods are
ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import conversion, options
from .causes import not_supported
from .errors import bad_request, conflict, invalid
from .kinds import Kind
from .requests import Request
from .store import Store, Version
from .writes import Writer

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
CRD_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_POLICIES = ("Foreground", "Background", "Orphan")
_RETURNS_OBJECT = {"Pod", "Service", "Namespace", "ServiceAccount", "PersistentVolumeClaim"}
Obj = dict[str, Any]


def _ending_definition(status: Obj, time: str) -> Obj:
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": time,
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    return {**status, "conditions": [*(status.get("conditions") or ()), condition]}


# kinds that say in their status that they are ending, and have no grace period
_ENDING_STATUS: dict[str, Callable[[Obj, str], Obj]] = {
    "Namespace": lambda status, time: {**status, "phase": "Terminating"},
    "CustomResourceDefinition": _ending_definition,
}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How a client wants an object deleted."""

    uid: str = ""
    resource_version: str = ""
    policy: str = ""
    dry_run: bool = False

    @classmethod
    def of(cls, request: Request) -> DeleteOptions:
        """Options from the body, else from the query."""
        body = request.json_body(definition=_OPTIONS) if request.body.strip() else {}
        if not isinstance(body, dict):
            raise bad_request("couldn't get version/kind; json parse error: the body is not an object")
        preconditions = body.get("preconditions") or {}
        policy = body.get("propagationPolicy") or request.query.get("propagationPolicy", "")
        orphan = body.get("orphanDependents")
        if orphan is None and "orphanDependents" in request.query:
            orphan = request.flag("orphanDependents")
        if orphan is not None:
            policy = "Orphan" if orphan else "Background"
        if policy and policy not in _POLICIES:
            cause = not_supported("propagationPolicy", policy, [*_POLICIES, "nil"])
            raise invalid("DeleteOptions", "meta.k8s.io", "", [cause])
        rehearsed = body.get("dryRun") or []
        if any(stage != "All" for stage in rehearsed):
            cause = not_supported("dryRun", rehearsed, ["All"])
            raise invalid("DeleteOptions", "meta.k8s.io", "", [cause])
        return cls(
            preconditions.get("uid", ""),
            preconditions.get("resourceVersion", ""),
            policy,
            bool(rehearsed) if body else request.dry_run,  # who sends a body says all in it
        )


class Deleter:
    """Deletes from the store; notifies `removed` of every object that is gone for good."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self.removed: list[Callable[[Kind, Obj], None]] = []
        self.marked: list[Callable[[Kind, Obj], None]] = []

    def delete(self, request: Request, version: Version) -> Obj:
        """DELETE of one object; the answer's body."""
        options.check(request, "DeleteOptions")
        kind, wanted = request.kind, DeleteOptions.of(request)
        self._check_preconditions(kind, version, wanted)
        left = self.remove(kind, version, policy=wanted.policy, dry_run=wanted.dry_run)
        if left is not None:
            return conversion.outward(kind, left)
        if kind.builtin and kind.kind in _RETURNS_OBJECT:
            return self._last_state(kind, version)
        details = {"name": version.name, "group": kind.group, "kind": kind.plural, "uid": version.uid}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {key: value for key, value in details.items() if value},
        }

    def _last_state(self, kind: Kind, version: Version) -> Obj:
        """What is shown of an object that is gone; a pod had its (empty) grace period."""
        obj = version.obj
        if kind.kind != "Pod":
            return obj
        meta = {
            **obj["metadata"],
            "deletionTimestamp": self._writer.timestamp(),
            "deletionGracePeriodSeconds": 0,
        }
        meta["generation"] = meta.get("generation", 0) + 1
        return {**obj, "metadata": meta}

    def remove(self, kind: Kind, version: Version, *, policy: str = "", dry_run: bool = False) -> Obj | None:
        """Deletes, or marks as being deleted where finalizers are to run first; then the marked object is
        returned.
        """
        obj = version.obj
        meta = obj["metadata"]
        before = list(meta.get("finalizers") or ())
        finalizers = [name for name in before if not policy or name not in (ORPHAN, FOREGROUND)]
        if policy == "Orphan":
            finalizers.append(ORPHAN)
        elif policy == "Foreground":
            finalizers.append(FOREGROUND)
        if kind.builtin and kind.kind == "CustomResourceDefinition" and not meta.get("deletionTimestamp"):
            finalizers = [name for name in finalizers if name != CRD_CLEANUP] + [CRD_CLEANUP]
        waits = bool(finalizers) or (
            kind.builtin and kind.kind == "Namespace" and bool(obj["spec"].get("finalizers"))
        )
        if not waits:
            if not dry_run:
                self.finish(kind, version)
            return None
        if meta.get("deletionTimestamp") and finalizers == before:
            return obj
        meta = (
            {**meta, "finalizers": finalizers}
            if finalizers
            else {k: v for k, v in meta.items() if k != "finalizers"}
        )
        if not meta.get("deletionTimestamp"):
            meta["deletionTimestamp"] = self._writer.timestamp()
            if not (kind.builtin and kind.kind in _ENDING_STATUS):
                meta["deletionGracePeriodSeconds"] = 0
                if meta.get("generation"):
                    meta["generation"] += 1
        marked = {**obj, "metadata": meta}
        if kind.builtin and kind.kind in _ENDING_STATUS:
            marked["status"] = _ENDING_STATUS[kind.kind](obj.get("status") or {}, meta["deletionTimestamp"])
        if dry_run:
            return marked
        stored = self._store.put(kind.storage, marked).obj
        for hook in self.marked:
            hook(kind, stored)
        return stored

    def finish(self, kind: Kind, version: Version) -> None:
        """Removes an object that nothing holds back any more."""
        last = self._store.remove(kind.storage, version.namespace, version.name)
        for hook in self.removed:
            hook(kind, last.obj)

    def _check_preconditions(self, kind: Kind, version: Version, asked: DeleteOptions) -> None:
        recreated, modified = "might have been deleted and then recreated", "might have been modified"
        for label, wanted, found, guess in (
            ("UID", asked.uid, version.uid, recreated),
            ("ResourceVersion", asked.resource_version, str(version.rv), modified),
        ):
            if wanted and wanted != found:
                why = f"the {label} in the precondition ({wanted})"
                why += f" does not match the {label} in record ({found})"
                raise conflict(kind.kind, kind.group, version.name, f"{why}. The object {guess}")
