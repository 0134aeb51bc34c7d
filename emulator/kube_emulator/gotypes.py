"""Gives built-in objects the form Go gives them: unknown fields dropped, empty ones left out, `{}` or null.

Built-in kinds pass through Go structs in a real API server, which decides what a field without a value looks
like on the wire and who seems to have set it. `builtin_schemas.json` has the struct tags that say so.
Metadata of custom resources goes the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import quantities, times
from .schema import Node

_ZERO = {"string": "", "integer": 0, "number": 0, "boolean": False}
_JSON_TYPES: dict[type, str] = {str: "string", int: "number", float: "number", list: "array", dict: "object"}


class WrongType(Exception):
    """A JSON value of another type than the field has; Go refuses to decode it."""


def zero(node: Node) -> dict[str, Any]:
    """What Go writes for an empty struct of this type."""
    return {key: _fill(node.props[key], mark) for key, mark in node.on_empty.items() if mark != "O"}


def _fill(node: Node, mark: str) -> Any:
    if mark == "N":
        return None
    if node.shape == "map" and node.props:
        return zero(node)
    if node.any_scalar:
        return 0 if node.raw.get("format") == "int-or-string" else "0"  # else a quantity
    return _ZERO.get(node.type)


def normalise(
    value: Mapping[str, Any], node: Node, unknown: list[str] | None = None, path: str = ""
) -> dict[str, Any]:
    """A new object in Go's form; names of dropped fields are added to `unknown`. Raises WrongType."""
    out: dict[str, Any] = {}
    on_empty, props = node.on_empty, node.props
    for key, item in value.items():
        child = props.get(key)
        if child is None:
            if unknown is not None:
                unknown.append(f"{path}.{key}" if path else key)
            continue
        if item is None:
            continue
        shape = child.shape
        if shape == "scalar":
            if not _fits(item, child):
                raise _mismatch(item, child, node, path, key)
            if child.name:
                item = _converted(item, child)
        elif shape != "any":
            if not isinstance(item, dict if shape == "map" else list):
                raise _mismatch(item, child, node, path, key)
            item = _normalise_value(item, child, unknown, f"{path}.{key}" if path else key, node)
        if not item and on_empty.get(key) == "O" and not (shape == "map" and child.props):
            continue
        out[key] = item
    for key, mark in on_empty.items():
        if mark != "O" and key not in out:
            out[key] = _fill(props[key], mark)
    return out


def _normalise_value(item: Any, node: Node, unknown: list[str] | None, path: str, parent: Node) -> Any:
    if node.shape == "map":
        if node.props:
            return normalise(item, node, unknown, path)
        return dict(_normalise_map(item, node, unknown, path, parent))
    if node.items is None or node.items.shape == "any":
        return item
    out = []
    for index, entry in enumerate(item):
        where = f"{path}[{index}]"
        if node.items.shape == "scalar":
            if entry is not None and not _fits(entry, node.items):
                raise _mismatch(entry, node.items, parent, path, "")
            out.append(entry)
        elif entry is not None and not isinstance(entry, dict if node.items.shape == "map" else list):
            raise _mismatch(entry, node.items, parent, path, "")
        else:
            out.append(_normalise_value(entry or {}, node.items, unknown, where, parent))
    return out


def _normalise_map(
    item: dict[str, Any], node: Node, unknown: list[str] | None, path: str, parent: Node
) -> Iterator[tuple[str, Any]]:
    child = node.extra
    for key, value in item.items():
        if child is None or child.shape == "any":
            yield key, value
        elif child.shape == "scalar":
            if value is not None and not _fits(value, child):
                raise _mismatch(value, child, parent, path, "")
            if value is None:
                value = "0" if child.any_scalar else ""
            yield key, _converted(value, child) if child.name else value
        elif value is not None and not isinstance(value, dict if child.shape == "map" else list):
            raise _mismatch(value, child, parent, path, "")
        else:
            yield key, _normalise_value(value or {}, child, unknown, f"{path}.{key}", parent)


def _fits(item: Any, node: Node) -> bool:
    expected = node.type
    if node.any_scalar:
        kinds = str | int | float if node.name == "Quantity" else str | int
        return isinstance(item, kinds) and not isinstance(item, bool)
    if expected == "string":
        return isinstance(item, str)
    if expected == "boolean":
        return isinstance(item, bool)
    if isinstance(item, bool):
        return False
    if expected == "integer":
        return isinstance(item, int) or (isinstance(item, float) and item.is_integer())
    return isinstance(item, int | float)


def _converted(item: Any, node: Node) -> Any:
    """The canonical form of the scalars that are types of their own in Go."""
    try:
        if node.name == "Quantity":
            return quantities.canonical(str(item))
        if node.name == "Time":
            return times.seconds(item) if item else None
        if node.name == "MicroTime":
            return times.microseconds(item) if item else None
    except ValueError as error:
        raise WrongType(str(error)) from error
    return item


def _mismatch(item: Any, node: Node, parent: Node, path: str, key: str) -> WrongType:
    bare = re.sub(r"\[\d+\]", "", path)  # Go counts no items here
    place = ".".join(part for part in (parent.name, bare, key) if part)
    found, wanted = _json_type(item), "int32" if node.any_scalar else _go_type(node)
    if wanted.startswith("int") and isinstance(item, float):
        found = f"{found} {item}"
    return WrongType(f"json: cannot unmarshal {found} into Go struct field {place} of type {wanted}")


def _json_type(item: Any) -> str:
    return "bool" if isinstance(item, bool) else _JSON_TYPES[type(item)]


def _go_type(node: Node) -> str:
    if node.shape == "list":
        return "[]" + (_go_type(node.items) if node.items else "interface {}")
    if node.shape == "map":
        return (
            f"v1.{node.name}"
            if node.props
            else "map[string]" + (_go_type(node.extra) if node.extra else "string")
        )
    default = {"integer": "int32", "boolean": "bool", "number": "float64"}.get(node.type, node.type)
    return str(node.raw.get("format", default)) if node.type == "integer" else default
