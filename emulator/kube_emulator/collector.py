"""Cleans up in the background: dependents of deleted owners, contents of deleted namespaces and kinds.

Plays the garbage collector, the namespace controller and the CRD finalizer of kube-controller-manager and the
API extension server. Rules: https://kubernetes.io/docs/concepts/architecture/garbage-collection/.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from .deletion import CRD_CLEANUP, FOREGROUND, ORPHAN, Deleter
from .kinds import Kind, Registry
from .store import Store, Version

Obj = dict[str, Any]
_YIELD_EVERY = 50


class Collector:
    """Works off a queue of small jobs, one event-loop turn for every few of them."""

    def __init__(self, store: Store, kinds: Registry, deleter: Deleter) -> None:
        self._store = store
        self._kinds = kinds
        self._deleter = deleter
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake = asyncio.Event()

    def stored(self, kind: Kind, obj: Obj) -> None:
        """An object was written: its owners may be gone already, or it may be waiting for us."""
        if obj["metadata"].get("ownerReferences"):
            self._add(lambda uid=obj["metadata"]["uid"]: self._check_dependent(uid))  # type: ignore[misc]
        if obj["metadata"].get("deletionTimestamp"):
            self.marked(kind, obj)

    def removed(self, kind: Kind, obj: Obj) -> None:
        """An object is gone."""
        uid = obj["metadata"]["uid"]
        if self._store.dependents.get(uid):
            self._add(lambda: self._owner_gone(uid))
        for reference in obj["metadata"].get("ownerReferences") or ():
            self._add(lambda owner=reference["uid"]: self._finalize_uid(owner))  # type: ignore[misc]
        namespace = obj["metadata"].get("namespace", "")
        if namespace:
            self._add(lambda: self._finalize_place(("", "namespaces"), namespace))
        if not kind.builtin:
            name = f"{kind.plural}.{kind.group}"
            self._add(
                lambda: self._finalize_place(("apiextensions.k8s.io", "customresourcedefinitions"), name)
            )

    def marked(self, kind: Kind, obj: Obj) -> None:
        """An object is being deleted; a finalizer of ours may be on it."""
        self._add(lambda: self._finalize_uid(obj["metadata"]["uid"]))

    def resume(self) -> None:
        """Looks at everything again, after objects were loaded from a file."""
        for storage, table in self._store.tables.items():
            if kind := self._kinds.stored(storage):
                for version in table.all():
                    self.stored(kind, version.obj)

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            count = 0
            while self._jobs:
                self._jobs.popleft()()
                count += 1
                if count % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    def _add(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        self._wake.set()

    # --- owners and dependents ------------------------------------------------------------------------------

    def _owner_gone(self, uid: str) -> None:
        for dependent in list(self._store.dependents.pop(uid, ())):
            self._add(lambda dependent=dependent: self._check_dependent(dependent, gone=uid))  # type: ignore[misc]

    def _check_dependent(self, uid: str, *, gone: str = "") -> None:
        """Deletes an object none of whose owners is left, or takes references to absent owners off it.

        `gone` is an owner known to be gone, also when its kind went along with it.
        """
        found = self._find(uid)
        if found is None:
            return
        kind, version = found
        references = version.obj["metadata"].get("ownerReferences") or ()
        alive = [ref for ref in references if ref["uid"] != gone and self._lives(ref, version)]
        if not references or len(alive) == len(references):
            return
        if alive:
            self._replace_metadata(kind, version, "ownerReferences", alive)
        else:
            finalizers = version.obj["metadata"].get("finalizers") or ()
            policy = (
                "Orphan"
                if ORPHAN in finalizers
                else "Foreground"
                if FOREGROUND in finalizers
                else "Background"
            )
            self._deleter.remove(kind, version, policy=policy)

    def _lives(self, reference: Obj, dependent: Version) -> bool:
        """Whether an owner exists, is of an unknown kind (then nobody can tell), or is itself being deleted
        with us.
        """
        group, _, _ = reference.get("apiVersion", "").rpartition("/")
        kind = self._kinds.named(group, reference.get("kind", ""))
        if kind is None:
            return True
        owner = self._store.find_uid(reference["uid"])
        return owner is not None and owner[1].namespace in ("", dependent.namespace)

    # --- finalizers of ours ---------------------------------------------------------------------------------

    def _finalize_place(self, storage: tuple[str, str], name: str) -> None:
        version = self._store.table(storage).get("", name)
        if version is not None and version.obj["metadata"].get("deletionTimestamp"):
            self._finalize_uid(version.uid)

    def _finalize_uid(self, uid: str) -> None:
        found = self._find(uid)
        if found is None or not found[1].obj["metadata"].get("deletionTimestamp"):
            return
        kind, version = found
        finalizers = version.obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            self._orphan_dependents(uid)
            self._drop_finalizer(kind, version, ORPHAN)
        elif FOREGROUND in finalizers and not self._delete_dependents(uid):
            self._drop_finalizer(kind, version, FOREGROUND)
        elif kind.kind == "Namespace" and kind.builtin:
            self._empty_namespace(kind, version)
        elif CRD_CLEANUP in finalizers and not self._delete_instances(version.obj):
            self._drop_finalizer(kind, version, CRD_CLEANUP)

    def _orphan_dependents(self, uid: str) -> None:
        for dependent in list(self._store.dependents.get(uid, ())):
            if found := self._find(dependent):
                kind, version = found
                references = version.obj["metadata"].get("ownerReferences") or ()
                kept = [reference for reference in references if reference["uid"] != uid]
                self._replace_metadata(kind, version, "ownerReferences", kept)

    def _delete_dependents(self, uid: str) -> bool:
        """Deletes the dependents; whether some that block their owner's deletion are still there."""
        blocked = False
        for dependent in list(self._store.dependents.get(uid, ())):
            if not (found := self._find(dependent)):
                continue
            kind, version = found
            references = version.obj["metadata"].get("ownerReferences") or ()
            others = [ref for ref in references if ref["uid"] != uid and self._lives(ref, version)]
            if others:
                self._replace_metadata(kind, version, "ownerReferences", others)
                continue
            has_dependents = bool(self._store.dependents.get(dependent))
            left = self._deleter.remove(
                kind, version, policy="Foreground" if has_dependents else "Background"
            )
            blocks = any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in references)
            blocked = blocked or (left is not None and blocks)
        return blocked

    def _empty_namespace(self, kind: Kind, version: Version) -> None:
        left = False
        for storage, table in list(self._store.tables.items()):
            content = self._kinds.stored(storage)
            if content is None or not content.namespaced:
                continue
            for item in table.all(version.name):
                left = self._deleter.remove(content, item, policy="Background") is not None or left
        if not left:
            current = self._store.table(kind.storage).get("", version.name)
            if current is not None and not current.obj["metadata"].get("finalizers"):
                self._deleter.finish(kind, current)

    def _delete_instances(self, crd: Obj) -> bool:
        """Deletes the objects of a kind; whether some are still there."""
        storage = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        kind, left = self._kinds.stored(storage), False
        if kind is not None:
            for item in self._store.table(storage).all():
                left = self._deleter.remove(kind, item, policy="Background") is not None or left
        return left

    # --- small steps ----------------------------------------------------------------------------------------

    def _find(self, uid: str) -> tuple[Kind, Version] | None:
        found = self._store.find_uid(uid)
        kind = self._kinds.stored(found[0]) if found else None
        return (kind, found[1]) if found and kind else None

    def _replace_metadata(self, kind: Kind, version: Version, field: str, value: list[Any]) -> Version:
        meta = {key: part for key, part in version.obj["metadata"].items() if key != field}
        if value:
            meta[field] = value
        return self._store.put(kind.storage, {**version.obj, "metadata": meta})

    def _drop_finalizer(self, kind: Kind, version: Version, finalizer: str) -> None:
        current = self._store.table(kind.storage).get(version.namespace, version.name)
        if current is None or current.uid != version.uid:
            return
        left = [name for name in current.obj["metadata"].get("finalizers") or () if name != finalizer]
        if left or (kind.kind == "Namespace" and kind.builtin):
            current = self._replace_metadata(kind, current, "finalizers", left)
            self._add(lambda: self._finalize_uid(version.uid))
        else:
            self._deleter.finish(kind, current)
