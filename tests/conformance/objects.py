"""The form in which rendered Kubernetes objects are compared: orders that carry no meaning are gone.

Lists whose entries have names become maps, so that a path of the document names what it leads to; where the
order counts, it stands beside the map (`env` and `env order`). Of entries with one name the last has the
name alone, the others are called `<name> (earlier)`, `<name> (earlier 2)` from the end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from airunway.api.quantities import canonical

ORDERED = frozenset({"containers", "initContainers", "env"})
UNORDERED = frozenset({"tolerations", "volumes", "volumeMounts", "ports", "pvcs", "workerGroupSpecs"})
NAMES = {"volumeMounts": ("mountPath", "name"), "workerGroupSpecs": ("groupName",), "tolerations": ()}
"""What names the entries of a list, the first that there is; `name` where nothing is said."""
WITH_VALUE = (
    "--model",
    "--model-path",
    "--served-model-name",
    "--max-model-len",
    "--tensor-parallel-size",
    "--kv-transfer-config",
    "--host",
    "--port",
)
"""Flags that are rendered with a value; both are one entry of `args`."""
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


def document(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The objects by kind, with the name where there are several, and which of them comes first."""
    found = list(objects)
    kinds = Counter(obj.get("kind") for obj in found)
    keys = [
        f"{obj['kind']} {obj['metadata']['name']}" if kinds[obj["kind"]] > 1 else obj["kind"] for obj in found
    ]
    assert len(set(keys)) == len(keys), f"an object occurs twice: {keys}"
    return {"objects": {key: normal(obj) for key, obj in zip(keys, found, strict=True)}, "first": keys[:1]}


def normal(value: Any, key: str = "") -> Any:
    """A copy without empty maps and lists, in the form described above."""
    if isinstance(value, Mapping):
        return _normal_map(value, key)
    if isinstance(value, list) and key in ORDERED | UNORDERED:
        return _by_name([normal(item) for item in value], key)
    if isinstance(value, list):
        items = [normal(item) for item in value]
        return paired(items) if key == "args" else items
    if isinstance(value, str) and "\n" in value:
        return {"lines": value.split("\n")}
    return value


def _normal_map(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    entries = {name: normal(item, name) for name, item in value.items() if name not in BOOKKEEPING}
    for name in ORDERED & entries.keys():
        if isinstance(value[name], list):
            entries[f"{name} order"] = list(entries[name])
    if key == "resourceFieldRef" and entries.get("divisor") is not None:
        entries["divisor"] = canonical(entries["divisor"])
    absent = READ_AS_ABSENT.get(key, {})
    entries = {name: item for name, item in entries.items() if name not in absent or item != absent[name]}
    return {name: item for name, item in entries.items() if name in KEPT_WHEN_EMPTY or not is_empty(item)}


def _by_name(items: list[Any], key: str) -> dict[str, Any]:
    if key in UNORDERED:
        items = sorted(items, key=compact)
    keyed: list[tuple[str, Any]] = []
    taken: dict[str, int] = {}
    for item in reversed(items):
        name = _name(item, key)
        earlier = taken[name] = taken.get(name, -1) + 1
        keyed.append((f"{name} (earlier{f' {earlier}' if earlier > 1 else ''})" if earlier else name, item))
    return dict(reversed(keyed))


def _name(item: Any, key: str) -> str:
    if isinstance(item, Mapping):
        for field in NAMES.get(key, ("name",)):
            if item.get(field):
                return str(item[field])
    return compact(item)


def paired(tokens: list[Any]) -> list[Any]:
    """Arguments, where a flag that is always rendered with a value stands with it in one entry."""
    found: list[Any] = []
    for token in tokens:
        if found and found[-1] in WITH_VALUE and not str(token).startswith("--"):
            found[-1] = [found[-1], token]
        else:
            found.append(token)
    return found


def compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def is_empty(value: Any) -> bool:
    return value is None or value == {} or value == []
