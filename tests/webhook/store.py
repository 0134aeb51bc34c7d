"""A small API server in memory for the keeper: versions, conflicts, merge patch and JSON patch."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.clients.errors import AlreadyExists, Conflict
from airunway.clients.kubernetes import SECRETS, Kind
from airunway.webhook.keeper import MUTATING, VALIDATING

Object = dict[str, Any]


class FakeStore:
    """`before_write` is called before each write, so that a test can let somebody else be faster."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        self._version = 0
        self.writes: list[str] = []
        self.before_write: Callable[[str], Any] | None = None

    def put(self, kind: Kind, name: str, body: Object) -> None:
        self._version += 1
        obj = copy.deepcopy(body)
        obj["metadata"] = {**obj.get("metadata", {}), "name": name, "resourceVersion": str(self._version)}
        self._objects[kind.plural, name] = obj

    def read(self, kind: Kind, name: str) -> Object:
        return copy.deepcopy(self._objects[kind.plural, name])

    def remove(self, kind: Kind, name: str) -> None:
        del self._objects[kind.plural, name]

    async def find(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object | None:
        await asyncio.sleep(0)  # as with a server, others have their turn
        found = self._objects.get((kind.plural, name))
        return copy.deepcopy(found) if found else None

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None) -> Object:
        name = body["metadata"]["name"]
        await self._about_to_write(kind.plural)
        if (kind.plural, name) in self._objects:
            raise AlreadyExists(f"{name} exists", status=409)
        self.put(kind, name, body)
        return self.read(kind, name)

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        namespace: str | None = None,
        content_type: str = "",
        field_manager: str = "",
    ) -> Object:
        await self._about_to_write(kind.plural)
        obj = self.read(kind, name)
        before = obj["metadata"]["resourceVersion"]
        if isinstance(body, Mapping):
            obj["metadata"] |= body["metadata"]
            obj["data"] = {**(obj.get("data") or {}), **body["data"]}
        else:
            for operation in body:
                _set(obj, operation["path"], operation["value"])
        if obj["metadata"]["resourceVersion"] != before:
            raise Conflict(f"{name} was changed", status=409)
        self.put(kind, name, obj)
        return self.read(kind, name)

    async def _about_to_write(self, plural: str) -> None:
        if self.before_write is not None:
            hook, self.before_write = self.before_write, None
            await hook(plural)
        self.writes.append(plural)


def _set(obj: Any, path: str, value: Any) -> None:
    *steps, last = path.split("/")[1:]
    for step in steps:
        obj = obj[int(step) if isinstance(obj, list) else step]
    obj[last] = value


def installed() -> FakeStore:
    """What the manifests bring: an empty Secret and both configurations."""
    store = FakeStore()
    store.put(SECRETS, names.WEBHOOK_SECRET, {"type": "Opaque"})
    for kind, name in (
        (MUTATING, names.MUTATING_CONFIGURATION),
        (VALIDATING, names.VALIDATING_CONFIGURATION),
    ):
        store.put(kind, name, {"webhooks": [{"name": "w", "clientConfig": {"service": {}}}]})
    return store
