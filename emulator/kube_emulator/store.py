"""Keeps the objects: one counter of versions, one table a kind, and the log of changes watches read from.

A stored object is never changed, only replaced: readers may hold it without copying. Its JSON is made once
and shared by answers and watches; a superseded version keeps only the JSON. Everything runs on one event
loop, and no method awaits, so each is atomic.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

Storage = tuple[str, str]  # (group, plural)
Place = tuple[str, str]  # (namespace or "", name)

encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Version:
    """One state of one object."""

    __slots__ = ("_body", "_obj", "name", "namespace", "rv")

    def __init__(self, rv: int, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        self.rv = rv
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self._obj: dict[str, Any] | None = obj
        self._body: bytes | None = None

    @property
    def obj(self) -> dict[str, Any]:
        """The object; do not change it."""
        return self._obj if self._obj is not None else json.loads(self.body)

    @property
    def body(self) -> bytes:
        """The object as JSON."""
        if self._body is None:
            self._body = encode_json(self._obj).encode()
        return self._body

    def shrink(self) -> None:
        """Keeps only the JSON, for a version that is history."""
        _ = self.body
        self._obj = None

    @property
    def uid(self) -> str:
        """The object's uid."""
        return self.obj["metadata"]["uid"]  # type: ignore[no-any-return]


class Change:
    """One entry of the watch log. A creation has no `before`; a deletion's `after` is the object's last
    state.
    """

    __slots__ = ("after", "before", "deleted", "rv")

    def __init__(self, rv: int, before: Version | None, after: Version, *, deleted: bool) -> None:
        self.rv = rv
        self.before = before
        self.after = after
        self.deleted = deleted


class Table:
    """The objects of one kind and their recent changes."""

    def __init__(self, window: int) -> None:
        self.items: dict[str, dict[str, Version]] = {}
        self.log: deque[Change] = deque(maxlen=window)
        self.forgotten = 0  # changes up to this version are no longer in the log
        self.last_rv = 0
        self.watchers: set[asyncio.Event] = set()

    def get(self, namespace: str, name: str) -> Version | None:
        """The current version of one object."""
        return self.items.get(namespace, {}).get(name)

    def all(self, namespace: str = "") -> list[Version]:
        """Current versions, ordered by namespace and name; of one namespace when it is given."""
        if namespace:
            names = self.items.get(namespace, {})
            return [names[name] for name in sorted(names)]
        return [self.items[space][name] for space in sorted(self.items) for name in sorted(self.items[space])]

    def __len__(self) -> int:
        return sum(map(len, self.items.values()))

    def since(self, rv: int) -> Iterator[Change]:
        """Changes after a version, oldest first."""
        recent: list[Change] = []
        for change in reversed(self.log):
            if change.rv <= rv:
                break
            recent.append(change)
        return reversed(recent)

    def record(self, change: Change) -> None:
        """Appends to the log and wakes the watches."""
        if self.log.maxlen is not None and len(self.log) == self.log.maxlen:
            self.forgotten = self.log[0].rv if self.log else change.rv
        self.log.append(change)
        if not self.log:  # a window of zero keeps nothing
            self.forgotten = change.rv
        self.last_rv = change.rv
        for watcher in self.watchers:
            watcher.set()


class Store:
    """All tables, the version counter, and who owns whom."""

    def __init__(self, *, window: int = 1000) -> None:
        self.rv = 1
        self.window = window
        self.tables: dict[Storage, Table] = {}
        self.by_uid: dict[str, tuple[Storage, Place]] = {}
        self.dependents: dict[str, set[str]] = {}  # owner uid -> uids of objects that name it as owner
        self.changed = asyncio.Event()  # for whoever saves or collects in the background

    def table(self, storage: Storage) -> Table:
        """The table of a kind; made on first use."""
        table = self.tables.get(storage)
        if table is None:
            table = self.tables[storage] = Table(self.window)
            table.last_rv = self.rv
        return table

    def put(self, storage: Storage, obj: dict[str, Any]) -> Version:
        """Stores the next version of an object, stamping it with the new resourceVersion."""
        table = self.table(storage)
        self.rv += 1
        metadata = obj["metadata"]
        metadata["resourceVersion"] = str(self.rv)
        version = Version(self.rv, obj)
        names = table.items.setdefault(version.namespace, {})
        before = names.get(version.name)
        names[version.name] = version
        self._index(storage, version, before)
        table.record(Change(self.rv, before, version, deleted=False))
        if before is not None:
            before.shrink()
        self.changed.set()
        return version

    def restore(self, storage: Storage, obj: dict[str, Any]) -> None:
        """Puts back an object as it was saved, without a new version."""
        version = Version(int(obj["metadata"]["resourceVersion"]), obj)
        self.table(storage).items.setdefault(version.namespace, {})[version.name] = version
        self._index(storage, version, None)

    def reread(self, storage: Storage, fit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Puts every object of a kind into another form under its old version, as reading it again would."""
        for names in self.table(storage).items.values():
            for name, version in names.items():
                fitted = fit(json.loads(version.body))
                if fitted != version.obj:
                    names[name] = Version(version.rv, fitted)

    def remove(self, storage: Storage, namespace: str, name: str) -> Version:
        """Removes an object; the answer is its last state, stamped with the version of the removal."""
        table = self.table(storage)
        names = table.items[namespace]
        before = names.pop(name)
        if not names:
            del table.items[namespace]
        self.rv += 1
        last = before.obj
        last = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.rv)}}
        version = Version(self.rv, last)
        uid = before.uid
        self.by_uid.pop(uid, None)
        for owner in owner_uids(last):
            self.dependents.get(owner, set()).discard(uid)
        table.record(Change(self.rv, before, version, deleted=True))
        before.shrink()
        self.changed.set()
        return version

    def drop_table(self, storage: Storage) -> None:
        """Forgets a kind that is no longer served; its watches end."""
        table = self.tables.pop(storage, None)
        if table is not None:
            for watcher in table.watchers:
                watcher.set()

    def find_uid(self, uid: str) -> tuple[Storage, Version] | None:
        """An object by its uid."""
        found = self.by_uid.get(uid)
        if found is None:
            return None
        version = self.table(found[0]).get(*found[1])
        return (found[0], version) if version is not None else None

    def _index(self, storage: Storage, version: Version, before: Version | None) -> None:
        uid = version.uid
        self.by_uid[uid] = (storage, (version.namespace, version.name))
        owners = owner_uids(version.obj)
        if before is not None and (lost := owner_uids(before.obj) - owners):
            for owner in lost:
                self.dependents.get(owner, set()).discard(uid)
        for owner in owners:
            self.dependents.setdefault(owner, set()).add(uid)


def owner_uids(obj: dict[str, Any]) -> set[str]:
    """Uids of the owners an object names."""
    references = obj["metadata"].get("ownerReferences")
    return {reference["uid"] for reference in references} if references else set()
