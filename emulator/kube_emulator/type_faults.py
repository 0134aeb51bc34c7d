"""Tells what keeps an applied object from being typed, in the words of the real server.

Source: sigs.k8s.io/structured-merge-diff/v6/typed/validate.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .fieldsets import shown
from .schema import Node
from .typed import TypeMismatch, element_of

_PYTHON_TYPES: dict[str, type] = {"string": str, "boolean": bool, "integer": int}


def fits(value: Any, node: Node) -> bool:
    """Whether there are no faults but, maybe, items that are there twice; much quicker than listing them."""
    if value is None or node.shape == "any":
        return True
    if node.shape == "scalar":
        return type(value) is _PYTHON_TYPES.get(node.type) or not _scalar_fault(value, node)
    if node.shape == "list":
        items = node.items
        return isinstance(value, list) and items is not None and all(fits(item, items) for item in value)
    if not isinstance(value, dict):
        return False
    props, extra = node.props, node.extra
    for key, item in value.items():
        child = props.get(key) or extra
        if child is None:
            return False
        if type(item) is not _PYTHON_TYPES.get(child.type) and not fits(item, child):
            return False
    return True


def faults(value: Mapping[str, Any], node: Node, path: str = "") -> Iterator[str]:
    """Everything that keeps an applied object from being typed, as the real server words it."""
    for key in sorted(value):
        child = node.child(key)
        if child is None:
            yield f"{path}.{key}: field not declared in schema"
        else:
            yield from _value_faults(value[key], child, f"{path}.{key}")


def _value_faults(value: Any, node: Node, path: str) -> Iterator[str]:
    if value is None or node.shape == "any":
        return
    if node.shape == "map":
        if isinstance(value, dict):
            yield from faults(value, node, path)
        else:
            yield f"{path}: expected map, got &{{{go_text(value)}}}"
    elif node.shape == "list":
        if isinstance(value, list):
            yield from _list_faults(value, node, path)
        else:
            yield f"{path}: expected list, got &{{{go_text(value)}}}"
    elif expected := _scalar_fault(value, node):
        yield f"{path}: {expected}"


def _list_faults(items: list[Any], node: Node, path: str) -> Iterator[str]:
    assert node.items is not None
    seen: set[str] = set()
    for index, item in enumerate(items):
        where = f"[{index}]"
        if node.unique:
            try:
                element = element_of(item, node)
            except TypeMismatch as error:
                yield f"{path}: element {index}: {error}"
                return
            where = shown(element)
            if element in seen:
                yield f"{path}: duplicate entries for key {where}"
            seen.add(element)
        yield from _value_faults(item, node.items, path + where)


def _scalar_fault(value: Any, node: Node) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if node.any_scalar:
        return (
            ""
            if number or isinstance(value, str | bool)
            else f"expected any scalar, got &{{{go_text(value)}}}"
        )
    if node.type in ("integer", "number"):
        return "" if number else f"expected numeric (int or float), got {_GO_TYPES.get(type(value), 'int64')}"
    if node.type == "boolean":
        return "" if isinstance(value, bool) else f"expected boolean, got &{{{go_text(value)}}}"
    if isinstance(value, str):
        return ""
    return f"expected string, got &value.valueUnstructured{{Value:{go_text(value)}}}"


_GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


def go_text(value: Any) -> str:
    """A JSON value the way Go prints it, which some messages contain."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
