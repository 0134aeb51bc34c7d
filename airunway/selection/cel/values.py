"""Values at run time, and what holds for all of them: type name, equality, order.

null, bool, int, float, str, bytes, list and dict (JSON maps, whose keys are texts) are Python's own. An int
is 64 bits wide; the rest is here. Semantics: cel-go 0.26 with default options.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from airunway.selection.cel.errors import CelError, Fault, no_overload

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_DEEPEST = 100
_PER_ENTRY = 4
MISSING = object()
"""What `map_find` answers for a key that is not there."""

Meter = Callable[[int], None]
"""Called with the cost of work that grows with the data."""


class UInt(int):
    """An unsigned 64-bit integer."""


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value, e.g. what `type(1)` gives."""

    name: str


class CelMap:
    """A map literal. Its keys can be of any scalar type and keep that type."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[tuple[Any, Any]]) -> None:
        if any(isinstance(key, bytes) for key, _ in entries):
            raise Fault("bytes cannot be the key of a map")
        self._entries = {_key(key): (key, value) for key, value in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> Iterator[Any]:
        """The keys in the order they were written."""
        return (key for key, _ in self._entries.values())

    def find(self, key: Any) -> Any:
        """The value of a key, also when it is written as another type of number; else MISSING."""
        for attempt in _spellings(key):
            if attempt in self._entries:
                return self._entries[attempt][1]
        return MISSING


def _key(key: Any) -> tuple[str, Any]:
    if key is None or isinstance(key, bool | int | float | str | bytes | TypeValue):
        return type_name(key), key
    # A list or map as a key is only ever itself.
    return type_name(key), id(key)


def _spellings(key: Any) -> list[tuple[str, Any]]:
    attempts = [_key(key)]
    if isinstance(key, bool) or not isinstance(key, int | float):
        return attempts
    if isinstance(key, int) or (math.isfinite(key) and key.is_integer()):
        attempts += [("int", int(key)), ("uint", int(key))]
    return attempts


_NAMES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    CelMap: "map",
    TypeValue: "type",
}


def type_name(value: Any) -> str:
    """The name of a value's type, as CEL calls it."""
    return _NAMES[type(value)]


def is_map(value: Any) -> bool:
    """Whether a value is a map of either kind."""
    return isinstance(value, dict | CelMap)


def map_keys(value: dict[str, Any] | CelMap) -> Iterator[Any]:
    """The keys of a map of either kind."""
    return iter(value) if isinstance(value, dict) else value.keys()


def map_find(value: dict[str, Any] | CelMap, key: Any) -> Any:
    """The value of a key, or MISSING."""
    if isinstance(value, dict):
        return value.get(key, MISSING) if isinstance(key, str) else MISSING
    return value.find(key)


def equal(left: Any, right: Any, charge: Meter, *, level: int = 0) -> bool:
    """CEL equality: numbers by value across types, other types never equal each other."""
    kind, other = type(left), type(right)
    if level > _DEEPEST:
        raise Fault("values are nested too deeply")
    if kind in (int, UInt, float) and other in (int, UInt, float):
        return bool(float(left) == float(right)) if float in (kind, other) else int(left) == int(right)
    if kind is list and other is list:
        if len(left) != len(right):
            return False
        charge(_PER_ENTRY * len(left))
        return all(equal(a, b, charge, level=level + 1) for a, b in zip(left, right, strict=True))
    if is_map(left) and is_map(right):
        if len(left) != len(right):
            return False
        charge(_PER_ENTRY * len(left))
        return all(
            (found := map_find(right, key)) is not MISSING
            and equal(map_find(left, key), found, charge, level=level + 1)
            for key in map_keys(left)
        )
    if kind is not other:
        return False
    if kind in (str, bytes):
        charge(len(left) >> 8)
    return bool(left == right)


def compare(left: Any, right: Any, charge: Meter) -> int:
    """-1, 0 or 1. Raises CelError for values that have no order."""
    kind, other = type(left), type(right)
    if kind in (int, UInt, float) and other in (int, UInt, float):
        if float in (kind, other):
            left, right = float(left), float(right)
            if math.isnan(left) or math.isnan(right):
                raise CelError("NaN values cannot be ordered")
    elif kind is not other or kind not in (bool, str, bytes):
        raise no_overload("comparison")
    elif kind is not bool:
        charge(len(left) >> 8)
    return int(left > right) - int(left < right)


def int64(value: int) -> int:
    """The value, if it fits into an int."""
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("integer overflow")
    return value


def uint64(value: int) -> UInt:
    """The value, if it fits into an unsigned int."""
    if not 0 <= value <= UINT_MAX:
        raise CelError("unsigned integer overflow")
    return UInt(value)
