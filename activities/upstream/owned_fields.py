"""A live object with some of its fields as they are wanted: those that certain managers own. Pure.

Which fields those are is said in the API server's own form, `fieldsV1` of `metadata.managedFields`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_BOOKKEEPING = frozenset({"apiVersion", "kind", "status"})
_OF_THE_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
"""Metadata that an apply may not, or need not, name."""


def with_fields_of(live: Mapping[str, Any], desired: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """The live object, and of `fields` what is desired; what is desired nowhere stays as it is."""
    wanted = {key: value for key, value in fields.items() if key.removeprefix("f:") not in _BOOKKEEPING}
    return _taken(live, desired, wanted)


def as_applied(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A live object as it can be applied."""
    meta = {key: value for key, value in obj["metadata"].items() if key not in _OF_THE_SERVER}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def _taken(live: Any, desired: Any, fields: Mapping[str, Any]) -> Any:
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        return _taken_of_map(live, desired, fields)
    if isinstance(live, list) and isinstance(desired, list):
        items = {key: inner for key, inner in fields.items() if key.startswith("k:")}
        return _taken_of_list(live, desired, items) if items else desired
    return desired


def _taken_of_map(live: Mapping[str, Any], desired: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    result = dict(live)
    for key, inner in fields.items():
        name = key.removeprefix("f:")
        if key.startswith("f:") and name in desired:
            whole = not any(part.startswith(("f:", "k:")) for part in inner)
            there = live.get(name)
            result[name] = desired[name] if whole or there is None else _taken(there, desired[name], inner)
    return result


def _taken_of_list(live: list[Any], desired: list[Any], items: Mapping[str, Any]) -> list[Any]:
    """Items by their keys; one that is desired nowhere stays."""
    result = list(live)
    for key, inner in items.items():
        keys = json.loads(key.removeprefix("k:"))
        wanted = next((item for item in desired if _has(item, keys)), None)
        for index, item in enumerate(live):
            if wanted is not None and _has(item, keys):
                result[index] = _taken(item, wanted, inner)
    return result


def _has(item: Any, keys: Mapping[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(item.get(key, value) == value for key, value in keys.items())
