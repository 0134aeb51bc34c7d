"""Sets of field paths, kept in the very form `managedFields[].fieldsV1` has, so they need no conversion.

A set is a dict of path elements (`f:name`, `k:{"name":"x"}`, `v:"x"`) to the set below. `{}` is a member
without members below it; below a member that has some, the key `.` marks the member itself. Functions never
change their arguments and share what they can. Rules: sigs.k8s.io/structured-merge-diff/v6/fieldpath.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from .schema import ABSENT, Node

FieldSet: TypeAlias = dict[str, Any]
SELF = "."


def is_member(below: FieldSet) -> bool:
    """Whether the path element that leads to `below` is itself in the set."""
    return not below or SELF in below


def has(fields: FieldSet, element: str) -> bool:
    """Whether a direct child is in the set."""
    below = fields.get(element)
    return below is not None and is_member(below)


def add(fields: FieldSet, element: str) -> None:
    """Puts a direct child into a set under construction."""
    below = fields.get(element)
    if below is None:
        fields[element] = {}
    elif below:
        below[SELF] = {}


def attach(fields: FieldSet, element: str, below: FieldSet, *, member: bool) -> None:
    """Puts a subtree into a set under construction; an empty non-member is left out."""
    if below:
        if member:
            below[SELF] = {}
        fields[element] = below
    elif member:
        fields[element] = {}


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """Members of either."""
    if not a or not b:
        return a or b
    out = dict(a)
    for element, theirs in b.items():
        ours = out.get(element)
        if ours is None:
            out[element] = theirs
        elif ours or theirs:
            merged = union(ours, theirs)
            if (not ours or not theirs) and SELF not in merged:
                merged = {SELF: {}, **merged}
            out[element] = merged
    return out


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """Members of `a` that are not in `b`; a member stays although members below it go, and the other way
    round.
    """
    if not b:
        return a
    out: FieldSet = {}
    for element, ours in a.items():
        theirs = b.get(element)
        if theirs is None:
            out[element] = ours
        elif element != SELF:
            member = is_member(ours) and not is_member(theirs)
            below = {key: value for key, value in difference(ours, theirs).items() if key != SELF}
            attach(out, element, below, member=member)
    return out


def recursive_difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """Like difference, but a member of `b` takes everything below it along."""
    if not b:
        return a
    out: FieldSet = {}
    for element, ours in a.items():
        theirs = b.get(element)
        if theirs is None:
            out[element] = ours
        elif not is_member(theirs):
            below = {key: value for key, value in recursive_difference(ours, theirs).items() if key != SELF}
            attach(out, element, below, member=is_member(ours))
    return out


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """Members of both."""
    out: FieldSet = {}
    for element, ours in a.items():
        theirs = b.get(element)
        if theirs is not None and element != SELF:
            member = is_member(ours) and is_member(theirs)
            below = {key: value for key, value in intersection(ours, theirs).items() if key != SELF}
            attach(out, element, below, member=member)
    return out


def with_named_fields(fields: FieldSet, node: Node | None) -> FieldSet:
    """The set plus every declared field that has members below it (not map keys, not list items)."""
    out: FieldSet = {}
    for element, below in fields.items():
        if element == SELF:
            out[SELF] = below
            continue
        child: Node | None = None
        named = False
        if node is not None and element.startswith("f:"):
            name = element[2:]
            named = name in node.props
            child = node.child(name)
        elif node is not None and element.startswith("k:"):
            child = node.items
        deeper = with_named_fields(below, child)
        if named and deeper and SELF not in deeper:
            deeper[SELF] = {}
        out[element] = deeper
    return out


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Every member as conflicts show it, such as `.spec.containers[name="a"].image`: members first, then
    below.
    """
    ordered = sorted(element for element in fields if element != SELF)
    for element in ordered:
        if is_member(fields[element]):
            yield prefix + shown(element)
    for element in ordered:
        if fields[element]:
            yield from paths(fields[element], prefix + shown(element))


def shown(element: str) -> str:
    """One path element as conflicts show it."""
    sort, _, value = element.partition(":")
    if sort == "f":
        return f".{value}"
    if sort == "k":
        return "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(value).items()) + "]"
    return f"[={value}]" if sort == "v" else f"[{value}]"


def key_element(item: dict[str, Any], node: Node) -> str | None:
    """The path element of an item of a list with merge keys; None when it has none of them."""
    keys: list[str] = []
    for name in node.keys:  # sorted, as the real server writes them
        if name in item:
            keys.append(f'"{name}":{_compact(item[name])}')
        elif node.items is not None and (child := node.items.props.get(name)) and child.default is not ABSENT:
            keys.append(f'"{name}":{_compact(child.default)}')
    return "k:{" + ",".join(keys) + "}" if keys else None


def value_element(item: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + _compact(item)


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode


def _compact(value: Any) -> str:
    # texts are by far the most frequent, and setting up an encoder takes longer than writing one
    return encode_basestring(value) if type(value) is str else _encode(value)
