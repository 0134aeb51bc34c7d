"""Walks objects along their type: what fields they set, how two differ, how one merges into another.

These are the four operations server-side apply is made of. Rules: sigs.k8s.io/structured-merge-diff/v6/typed.
Objects are never changed; results share unchanged parts with their inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .fieldsets import SELF, FieldSet, add, attach, has, is_member, key_element, value_element
from .schema import Node


class TypeMismatch(Exception):
    """An object that does not fit its type, so that its fields cannot be told."""


class Difference(NamedTuple):
    """How a new object differs from an old one, as three sets of fields."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet


def _granular_map(node: Node, value: Any) -> bool:
    return isinstance(value, dict) and (node.extra is not None if node.shape == "any" else not node.atomic)


def _granular_list(node: Node, value: Any) -> bool:
    return isinstance(value, list) and node.shape == "list" and not node.atomic


def element_of(item: Any, node: Node) -> str:
    """The path element of a list item."""
    if not node.keys:
        return value_element(item)
    element = key_element(item, node) if isinstance(item, dict) else None
    if element is None and isinstance(item, dict):
        names = " ".join(f'"{name}"' for name in node.keys)
        raise TypeMismatch(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    if element is None:
        raise TypeMismatch("associative list with keys may not have non-map elements")
    return element


# --- the fields an object sets ------------------------------------------------------------------------------


def field_set(value: Mapping[str, Any], node: Node, *, unique: bool = False) -> FieldSet:
    """The leaves of an object: scalars, atomic lists and maps, empty maps, list items and map keys.

    Raises TypeMismatch for fields the type does not have and, with `unique`, for items that are there twice.
    """
    out: FieldSet = {}
    props, extra = node.props, node.extra
    for key, item in value.items():
        child = props.get(key) or extra
        if child is None:
            raise TypeMismatch(f".{key}: field not declared in schema")
        if child.shape == "scalar":
            out["f:" + key] = {}
        else:
            member = item is None or item == {} or key not in props
            _collect(out, "f:" + key, item, child, member=member, unique=unique)
    return out


def _collect(out: FieldSet, element: str, value: Any, node: Node, *, member: bool, unique: bool) -> None:
    if _granular_map(node, value):
        attach(out, element, field_set(value, node, unique=unique), member=member)
    elif _granular_list(node, value):
        attach(out, element, _items_set(value, node, unique=unique), member=member)
    elif value is None and node.shape in ("map", "list") and not node.atomic:
        attach(out, element, {}, member=member)
    else:
        out[element] = {}


def _items_set(items: list[Any], node: Node, *, unique: bool) -> FieldSet:
    out: FieldSet = {}
    for item in items:
        element = element_of(item, node)
        if element in out:
            if unique:
                raise TypeMismatch(f"duplicate entries for key {element}")
            out[element] = {}  # a duplicate is owned as one leaf
        elif isinstance(item, dict) and node.items is not None and _granular_map(node.items, item):
            attach(out, element, field_set(item, node.items, unique=unique), member=True)
        else:
            out[element] = {}
    return out


# --- how two objects differ ---------------------------------------------------------------------------------


def compare(old: Any, new: Any, node: Node) -> Difference:
    """The fields that differ; equal branches are not entered."""
    found = Difference({}, {}, {})
    _compare_maps(old, new, node, found)
    return found


def _compare_maps(old: Mapping[str, Any], new: Mapping[str, Any], node: Node, found: Difference) -> None:
    for key, was in old.items():
        child = node.child(key)
        if child is None:
            continue  # left over from an older schema: nobody owns it
        if key not in new:
            _one_sided(found.removed, "f:" + key, was, child)
        elif was is not new[key] and (was != new[key] or type(was) is not type(new[key])):
            _compare_values("f:" + key, was, new[key], child, found)
    for key, now in new.items():
        if key not in old and (child := node.child(key)) is not None:
            _one_sided(found.added, "f:" + key, now, child)


def _one_sided(out: FieldSet, element: str, value: Any, node: Node) -> None:
    """Everything below, and every step on the way, for a value that only one side has."""
    below: FieldSet = {}
    if _granular_map(node, value):
        props, extra = node.props, node.extra
        for key, item in value.items():
            child = props.get(key) or extra
            if child is None:
                continue
            if child.shape == "scalar":
                below["f:" + key] = {}
            else:
                _one_sided(below, "f:" + key, item, child)
    elif _granular_list(node, value):
        for item in value:
            assert node.items is not None
            _one_sided(below, element_of(item, node), item, node.items)
    attach(out, element, below, member=True)


def _compare_values(element: str, old: Any, new: Any, node: Node, found: Difference) -> None:
    below = Difference({}, {}, {})
    if _granular_map(node, old or {}) and _both(old, new, dict):
        _compare_maps(old or {}, new or {}, node, below)
    elif _granular_list(node, old or []) and _both(old, new, list):
        _compare_items(old or [], new or [], node, below)
    else:
        add(found.modified, element)
        if node.shape == "any":  # one form gave way to another: fields of the map on either side come or go
            _one_sided_children(found.removed, element, old, node)
            _one_sided_children(found.added, element, new, node)
        return
    for target, part in zip(found, below, strict=True):
        attach(target, element, part, member=False)


def _one_sided_children(out: FieldSet, element: str, value: Any, node: Node) -> None:
    if isinstance(value, dict) and value:
        below: FieldSet = {}
        _one_sided(below, element, value, node)
        attach(out, element, {key: part for key, part in below[element].items() if key != SELF}, member=False)


def _both(old: Any, new: Any, kind: type) -> bool:
    """Whether both are of a kind, one at most being null, and not both empty (then they differ as leaves)."""
    fits = all(value is None or isinstance(value, kind) for value in (old, new))
    return fits and bool(old or new)


def _compare_items(old: list[Any], new: list[Any], node: Node, found: Difference) -> None:
    assert node.items is not None
    was, now = _by_element(old, node), _by_element(new, node)
    for element in was.keys() | now.keys():
        left, right = was.get(element) or [], now.get(element) or []
        if len(left) > 1 and len(right) > 1:
            if left != right:
                add(found.modified, element)
        elif len(left) > 1:
            found.removed[element] = {}
            if right:
                _one_sided(found.added, element, right[0], node.items)
        elif len(right) > 1:
            if left:
                _one_sided(found.removed, element, left[0], node.items)
            found.added[element] = {}
        elif not left:
            _one_sided(found.added, element, right[0], node.items)
        elif not right:
            _one_sided(found.removed, element, left[0], node.items)
        elif left[0] != right[0]:
            _compare_values(element, left[0], right[0], node.items, found)


def _by_element(items: list[Any], node: Node) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for item in items:
        grouped.setdefault(element_of(item, node), []).append(item)
    return grouped


# --- merging an applied configuration -----------------------------------------------------------------------


def merge(live: Any, config: Any, node: Node) -> Any:
    """The live value with the configuration laid over it: maps by key, associative lists by item.

    A null for one of those holds no keys or items, so it takes none away. Where that changes nothing, the
    result is the very live value, which later steps tell by its identity.
    """
    if config is None and live and (_granular_map(node, live) or _granular_list(node, live)):
        return live
    if _granular_map(node, config) and isinstance(live, dict):
        return _merge_maps(live, config, node)
    if _granular_list(node, config) and isinstance(live, list):
        return _merge_items(live, config, node) if live or config else config
    return live if live == config and type(live) is type(config) else config


def _merge_maps(live: dict[str, Any], config: dict[str, Any], node: Node) -> dict[str, Any]:
    props, extra = node.props, node.extra
    changes: dict[str, Any] = {}
    for key, value in config.items():
        child = props.get(key) or extra
        if key not in live or child is None:
            changes[key] = value
            continue
        was = live[key]
        merged = merge(was, value, child) if child.shape != "scalar" else value
        if merged is not was and (merged != was or type(merged) is not type(was)):
            changes[key] = merged
    return {**live, **changes} if changes else live


def _merge_items(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    """Items of both; the configuration's order wins where both have an item."""
    assert node.items is not None
    theirs = [element_of(item, node) for item in live]
    ours = [element_of(item, node) for item in config]
    if ours == theirs and len(set(ours)) == len(ours):
        items = [merge(*pair, node.items) for pair in zip(live, config, strict=True)]
        return live if all(item is was for item, was in zip(items, live, strict=True)) else items
    by_theirs: dict[str, Any] = {}
    for element, item in zip(theirs, live, strict=True):
        by_theirs[element] = None if element in by_theirs else item  # duplicates are replaced, not merged
    by_ours = dict(zip(ours, config, strict=True))
    shared = iter([element for element in ours if element in by_theirs])
    wanted = next(shared, None)
    done: set[str] = set()
    out: list[Any] = []
    left = right = 0

    def merged(element: str) -> Any:
        item = by_theirs.get(element)
        assert node.items is not None
        return by_ours[element] if item is None else merge(item, by_ours[element], node.items)

    while left < len(theirs) or right < len(ours):
        if left < len(theirs) and right < len(ours):
            element = theirs[left]
            if element == ours[right]:
                out.append(merged(element))
                done.add(element)
                left, right, wanted = left + 1, right + 1, next(shared, None)
                continue
            if element in by_ours and wanted is not None and wanted != element:
                left += 1  # shared, but its turn comes later
                continue
        if left < len(theirs):
            element = theirs[left]
            if element not in by_ours:
                out.append(live[left])
                left += 1
                continue
            if element in done:
                left += 1
        if right < len(ours):
            element = ours[right]
            out.append(merged(element))
            done.add(element)
            right += 1
            if element == wanted:
                wanted = next(shared, None)
    return out


# --- removing fields ----------------------------------------------------------------------------------------


def remove(value: Any, gone: FieldSet, node: Node) -> Any:
    """The value without the given fields; atomic parts are removed whole or not at all."""
    if not gone or not value:
        return value
    if _granular_map(node, value):
        out = dict(value)
        for element in gone:
            key = element[2:]
            if not element.startswith("f:") or key not in out:
                continue
            if has(gone, element):
                del out[key]
            elif (child := node.child(key)) is not None:
                out[key] = remove(out[key], gone[element], child)
        return out or None
    if _granular_list(node, value):
        return list(_kept_items(value, gone, node)) or None
    return None if node.atomic and isinstance(value, dict | list) else value


def _kept_items(items: list[Any], gone: FieldSet, node: Node) -> Iterator[Any]:
    for item in items:
        element = element_of(item, node)
        below = gone.get(element)
        if below is None:
            yield item
        elif not is_member(below) and node.items is not None:
            yield remove(item, {key: deeper for key, deeper in below.items() if key != SELF}, node.items)
