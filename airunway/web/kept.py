"""What of an object is kept in memory, of which there may be thousands: what answers need, and no more.

Half of an object is who wrote which field of it, and a node tells of every image that it has. Words that
stand in every object, such as types of conditions, are kept once.
"""

from __future__ import annotations

import sys
from typing import Any

from airunway.clients.kubernetes import Object
from airunway.web.derive.pods import kept_of_pod

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_SHARED = 64
"""Longer texts are sentences, and hardly ever the same."""
_OF_NODE = {
    "metadata": ("name", "uid", "labels", "creationTimestamp"),
    "spec": ("unschedulable", "providerID"),
    "status": ("allocatable", "conditions"),
}


def kept_of_object(obj: Object) -> Object:
    """All but who wrote which field, and the copy of itself that kubectl puts into an object."""
    found: Object = shared(without_managers(obj))
    annotations = found["metadata"].get("annotations") or {}
    annotations.pop(LAST_APPLIED, None)
    return found


def kept_of_served_pod(pod: Object) -> Object:
    """See `derive.pods`."""
    found: Object = shared(kept_of_pod(pod))
    return found


def kept_of_node(node: Object) -> Object:
    """Labels, GPUs and conditions."""
    found: Object = shared(
        {
            part: {key: value for key, value in (node.get(part) or {}).items() if key in keys}
            for part, keys in _OF_NODE.items()
        }
    )
    return found


def without_managers(obj: Object) -> Object:
    """An object without who wrote which field of it."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": meta}


def shared(value: Any) -> Any:
    """The same value, its short texts the same objects as those of all others."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= MAX_SHARED else value
    if isinstance(value, dict):
        return {sys.intern(key): shared(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shared(item) for item in value]
    return value
