"""A local copy of one kind, kept true by list and watch, and the way to write to it.

Writes put their answer into the copy at once: a controller that looked only at the watch would create the
same pod twice in the moment before the first one's event arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from airunway.api.names import SANDBOX_FIELD_MANAGER
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import Cluster, Kind
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.sandbox.operators.objects import Key, Object, controller_of, key_of

Listener = Callable[[Object], None]


class KindCache:
    """All objects of one kind, as `follow` keeps them."""

    def __init__(self, cluster: Cluster, kind: Kind) -> None:
        self._cluster = cluster
        self._kind = kind
        self._objects: dict[Key, Object] = {}
        self._deleted: set[str] = set()  # uids this program deleted, until the watch says so too
        self._listeners: list[Listener] = []
        self.follow = Reflector(cluster, kind, self._changed)

    # -- reading -----------------------------------------------------------------------------------

    def get(self, key: Key) -> Object | None:
        """One object, or None."""
        return self._objects.get(key)

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._objects.values()))

    def owned_by(self, uid: str) -> list[Object]:
        """The objects that an owner controls, by name."""
        owned = [
            obj for obj in self._objects.values() if (owner := controller_of(obj)) and owner["uid"] == uid
        ]
        return sorted(owned, key=key_of)

    def on_change(self, listener: Listener) -> None:
        """Call with each object that is new, changed or gone (its last state)."""
        self._listeners.append(listener)

    # -- writing -----------------------------------------------------------------------------------

    async def create(self, body: Object) -> Object:
        """Create an object."""
        namespace = body["metadata"].get("namespace")
        created = await self._cluster.create(self._kind, body, namespace=namespace)
        self._note(created)
        return created

    async def patch(self, obj: Mapping[str, Any], body: Mapping[str, Any], *, status: bool = False) -> Object:
        """Merge-patch an object or, with `status`, its status; one equal to the known is not sent."""
        if status and _same(obj.get("status") or {}, body):
            return dict(obj)
        namespace, name = key_of(obj)
        try:
            changed = await self._cluster.patch(
                self._kind,
                name,
                {"status": body} if status else body,
                namespace=namespace or None,
                subresource="status" if status else "",
                field_manager=SANDBOX_FIELD_MANAGER,
            )
        except NotFound:
            self._forget(obj)  # it went before the watch ever showed it
            raise
        self._note(changed)
        return changed

    async def delete(self, obj: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Delete an object; `at_once`: without the grace period, as a kubelet ends it."""
        namespace, name = key_of(obj)
        uid = obj["metadata"]["uid"]
        with suppress(NotFound):
            await self._cluster.delete(
                self._kind,
                name,
                namespace=namespace or None,
                uid=uid,
                grace_seconds=0 if at_once else None,
            )
        self._deleted.add(uid)

    def is_deleted(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object is going away: marked by the API, or deleted by this program."""
        meta = obj["metadata"]
        return "deletionTimestamp" in meta or meta["uid"] in self._deleted

    # -- keeping it true ---------------------------------------------------------------------------

    def _changed(self, change: ObjectChange) -> None:
        if change.type == "deleted":
            self._forget(change.object)
        else:
            self._note(change.object)

    def _note(self, obj: Object) -> None:
        key = key_of(obj)
        known = self._objects.get(key)
        if known is not None and _version(known) >= _version(obj):
            return
        self._objects[key] = obj
        for listener in self._listeners:
            listener(obj)

    def _forget(self, obj: Mapping[str, Any]) -> None:
        self._deleted.discard(obj["metadata"]["uid"])
        known = self._objects.get(key_of(obj))
        if known is None or known["metadata"]["uid"] != obj["metadata"]["uid"]:
            return  # a newer object of that name is there already
        del self._objects[key_of(obj)]
        for listener in self._listeners:
            listener(known)


def _version(obj: Mapping[str, Any]) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _same(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a merge patch would change nothing."""
    for key, value in wanted.items():
        if value is None and key not in known:
            continue
        if known.get(key) != value:
            return False
    return True
