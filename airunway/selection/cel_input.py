"""The value of `spec` that a selection rule sees.

Every number is a double, as in the reference, and quantities are canonical. Different from it, so that the
natural spellings of "no GPU" match: an explicit `0` or `false` is kept, and absent `resources` are an empty
map. Empty texts, lists and maps count as absent. Source: core.md §7.2.
"""

from __future__ import annotations

import math
from typing import Any

from airunway.api import quantities
from airunway.api.core_types import ResourceFieldSelector
from airunway.api.model_deployment import DeploymentSpec, ProviderRef, StorageVolume
from airunway.api.wire import Wire

_QUANTITIES = {(StorageVolume, "size"), (ResourceFieldSelector, "divisor")}
_KEPT_EMPTY = {(StorageVolume, "storage_class_name")}


def rule_input(spec: DeploymentSpec, *, engine: str = "") -> dict[str, Any]:
    """The spec as rules see it; `engine` is inserted as `engine.type` when the user gave none."""
    view = _object(spec)
    view.setdefault("resources", {})
    shown = view.setdefault("engine", {})
    if engine:
        shown.setdefault("type", engine)
    return view


def _object(wire: Wire) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if isinstance(wire, ResourceFieldSelector):
        shown["divisor"] = "0"
    for name, field in type(wire).model_fields.items():
        value = getattr(wire, name)
        key = (type(wire), name)
        if value is None:
            continue
        if key in _QUANTITIES:
            shown[field.alias or name] = _canonical(value)
        elif key == (ProviderRef, "overrides"):
            shown[field.alias or name] = as_doubles(value)
        elif value not in ("", [], {}) or field.is_required() or key in _KEPT_EMPTY:
            shown[field.alias or name] = _value(value)
    return shown


def _value(value: Any) -> Any:
    if isinstance(value, Wire):
        return _object(value)
    if isinstance(value, list):
        return [_value(entry) for entry in value]
    if isinstance(value, str):
        return str(value)
    return as_doubles(value)


def _canonical(value: str | int) -> str:
    try:
        return quantities.canonical(value)
    except quantities.InvalidQuantity:
        return str(value)


def as_doubles(value: Any) -> Any:
    """A copy of JSON data with every number a float, however deeply it is nested."""
    whole = [value]
    pending: list[tuple[Any, Any]] = [(whole, 0)]
    while pending:
        holder, key = pending.pop()
        item = holder[key]
        if isinstance(item, dict):
            holder[key] = copy = {str(name): entry for name, entry in item.items()}
            pending += [(copy, name) for name in copy]
        elif isinstance(item, list):
            holder[key] = entries = list(item)
            pending += [(entries, index) for index in range(len(entries))]
        elif isinstance(item, int) and not isinstance(item, bool):
            holder[key] = _double(item)
    return whole[0]


def _double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
