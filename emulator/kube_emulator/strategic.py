"""Strategic merge patch: merge patch that knows which lists of built-in kinds merge by key.

Directives ($patch, $deleteFromPrimitiveList, $setElementOrder, $retainKeys) and the order of merged lists as
k8s.io/apimachinery/pkg/util/strategicpatch has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import StatusError
from .schema import Node

Obj = dict[str, Any]
_PATCH, _RETAIN = "$patch", "$retainKeys"
_DELETE_PRIMITIVES, _ORDER = "$deleteFromPrimitiveList/", "$setElementOrder/"


def merge(current: Mapping[str, Any], patch: Mapping[str, Any], node: Node | None) -> Obj:
    """The object with a strategic merge patch applied."""
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    out = dict(current)
    if _RETAIN in patch:
        out = {key: value for key, value in out.items() if key in patch[_RETAIN]}
    _delete_primitives(out, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            child = node.child(key) if node is not None else None
            _merge_field(out, key, value, child, patch.get(_ORDER + key))
    _reorder(out, patch, node)
    return out


def _merge_field(out: Obj, key: str, value: Any, node: Node | None, order: list[Any] | None) -> None:
    before = out.get(key)
    if value is None:
        out.pop(key, None)
    elif isinstance(value, dict) and isinstance(before, dict) and not (node and "replace" in node.patch):
        out[key] = merge(before, value, node)
    elif isinstance(value, list) and isinstance(before, list) and node is not None and "merge" in node.patch:
        merged = _merge_list(before, value, node)
        out[key] = _in_order(merged, order, before, node.merge_key) if order else merged
    elif not (isinstance(value, dict) and value.get(_PATCH) == "delete"):
        out[key] = _without_directives(value)


def _reorder(out: Obj, patch: Mapping[str, Any], node: Node | None) -> None:
    """Lists the patch only orders."""
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name not in patch and isinstance(out.get(name), list):
            child = node.child(name) if node is not None else None
            out[name] = _in_order(out[name], order, out[name], child.merge_key if child else "")


def _delete_primitives(out: Obj, patch: Mapping[str, Any]) -> None:
    for key, gone in patch.items():
        if key.startswith(_DELETE_PRIMITIVES):
            name = key.removeprefix(_DELETE_PRIMITIVES)
            if name in out:
                out[name] = [item for item in out[name] if item not in gone]


def _without_directives(value: Any) -> Any:
    """A value that is new to the object: directives and nulls have nothing to act on."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not key.startswith("$") and item is not None}
        return {key: _without_directives(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [
            _without_directives(item) for item in value if not (isinstance(item, dict) and _PATCH in item)
        ]
    return value


def _merge_list(current: list[Any], patch: list[Any], node: Node) -> list[Any]:
    key = node.merge_key
    if not key:
        merged = list(dict.fromkeys([*current, *patch]))
        return _in_order(merged, patch, current, "")
    plain = [item for item in patch if not (isinstance(item, dict) and _PATCH in item)]
    directives = [item for item in patch if isinstance(item, dict) and _PATCH in item]
    if any(item[_PATCH] == "replace" for item in directives):
        return _without_directives(plain)  # type: ignore[no-any-return]
    gone = [item.get(key) for item in directives if item[_PATCH] == "delete"]
    current = [item for item in current if item.get(key) not in gone]
    out = list(current)
    for item in plain:
        if not isinstance(item, dict) or key not in item:
            why = f"map: {item} does not contain declared merge key: {key}"
            raise StatusError(500, "", why)
        where = next((i for i, old in enumerate(out) if old.get(key) == item[key]), None)
        if where is None:
            out.append(_without_directives(item))
        else:
            out[where] = merge(out[where], item, node.items)
    return _in_order(out, plain, current, key)


def _in_order(items: list[Any], wanted: list[Any], before: list[Any], key: str) -> list[Any]:
    """Items the patch names in its order, the others in theirs, put together as the list was before."""

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    asked = [identity(item) for item in wanted]
    was = [identity(item) for item in before]
    named = sorted(
        (item for item in items if identity(item) in asked), key=lambda item: asked.index(identity(item))
    )
    rest = [item for item in items if identity(item) not in asked]
    rest.sort(key=lambda item: was.index(identity(item)) if identity(item) in was else len(was))
    out: list[Any] = []
    while rest and named:
        left, right = identity(rest[0]), identity(named[0])
        first = left in was and right in was and was.index(left) < was.index(right)
        out.append(rest.pop(0) if first else named.pop(0))
    return out + rest + named
