"""Deployments as they were last read by this process, for the next step of the same reconcile.

Deciding and applying act on the same version of a deployment; where both happen in one process it is read
once. A step names the version it wants, so an entry can be missing but never wrong.
"""

from __future__ import annotations

from collections import OrderedDict

from airunway.clients.kubernetes import Object

MAX_OBJECTS = 256


class ObjectCache:
    """A small memory of objects by uid; the oldest go first."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, Object] = OrderedDict()

    def remember(self, obj: Object) -> None:
        """Keep an object. It must not be changed afterwards."""
        uid = obj["metadata"]["uid"]
        self._objects[uid] = obj
        self._objects.move_to_end(uid)
        if len(self._objects) > MAX_OBJECTS:
            self._objects.popitem(last=False)

    def take(self, uid: str, resource_version: str) -> Object | None:
        """The object at that version, once."""
        obj = self._objects.get(uid)
        if obj is None or obj["metadata"]["resourceVersion"] != resource_version:
            return None
        return self._objects.pop(uid)
