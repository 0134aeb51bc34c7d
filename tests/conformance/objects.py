"""How rendered Kubernetes objects are compared: as a set, with the list orders that carry no meaning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from airunway.selection.quantities import canonical
from tests.conformance.compare import by_key, differences

UNORDERED = frozenset({"tolerations", "volumes", "volumeMounts", "ports", "pvcs", "workerGroupSpecs"})
KEPT_WHEN_EMPTY = frozenset({"rayStartParams"})
BOOKKEEPING = frozenset({"airunway.ai/kaito-last-applied"})
"""Annotations that a controller adds for itself, after the objects were recorded."""
READ_AS_ABSENT = {
    "resourceFieldRef": {"divisor": "0", "containerName": ""},
    "fieldRef": {"apiVersion": ""},
    "secretKeyRef": {"name": ""},
    "configMapKeyRef": {"name": ""},
}
"""Fields of an environment source that say what their absence says; the reference writes some of them out."""


def object_key(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata", {})
    return f"{obj.get('apiVersion')}/{obj.get('kind')} {metadata.get('namespace')}/{metadata.get('name')}"


def object_differences(want: Iterable[Mapping[str, Any]], got: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where two sets of objects differ; also when another object comes first."""
    want, got = list(want), list(got)
    left = by_key(want, key=object_key)
    right = by_key(got, key=object_key)
    found = [f"objects[{key}]: missing" for key in sorted(left.keys() - right.keys())]
    found += [f"objects[{key}]: not wanted" for key in sorted(right.keys() - left.keys())]
    if want and got and object_key(want[0]) != object_key(got[0]):
        found.append(f"objects[0]: wanted {object_key(want[0])}, got {object_key(got[0])}")
    for key in sorted(left.keys() & right.keys()):
        found += [f"objects[{key}].{line}" for line in differences(normal(left[key]), normal(right[key]))]
    return found


def normal(value: Any, key: str = "") -> Any:
    """A copy without empty maps and lists, with meaningless orders made the same."""
    if isinstance(value, Mapping):
        entries = {name: normal(item, name) for name, item in value.items() if name not in BOOKKEEPING}
        if key == "resourceFieldRef" and entries.get("divisor") is not None:
            entries["divisor"] = canonical(entries["divisor"])
        absent = READ_AS_ABSENT.get(key, {})
        entries = {name: item for name, item in entries.items() if name not in absent or item != absent[name]}
        return {name: item for name, item in entries.items() if name in KEPT_WHEN_EMPTY or not is_empty(item)}
    if isinstance(value, list):
        items = [normal(item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if key in UNORDERED else items
    return value


def is_empty(value: Any) -> bool:
    return value is None or value == {} or value == []
