"""Arithmetic of CEL: numbers of one type only, with overflow as an error; texts, lists and spans of time.

Each function takes the meter first and charges it for work that grows with the data. Raises CelError.
"""

from __future__ import annotations

import math
from typing import Any

from airunway.selection.cel import times
from airunway.selection.cel.errors import CelError, no_overload
from airunway.selection.cel.values import Duration, Meter, Timestamp, UInt, int64, uint64


def add(charge: Meter, left: Any, right: Any) -> Any:
    """Sums of numbers and spans, concatenation of texts, bytes and lists."""
    kind = type(left)
    if isinstance(left, Duration | Timestamp) and isinstance(right, Duration | Timestamp):
        return _moved(left, right)
    if kind is not type(right):
        raise no_overload("_+_")
    if kind in (str, bytes, list):
        size = len(left) + len(right)
        charge(size if kind is list else size >> 5)
        return left + right
    return _ranged(kind, left + right) if kind in (int, UInt, float) else _refuse("_+_")


def _moved(left: Duration | Timestamp, right: Duration | Timestamp) -> Duration | Timestamp:
    if isinstance(left, Duration) and isinstance(right, Duration):
        return times.duration(left.nanos + right.nanos)
    if isinstance(left, Timestamp) and isinstance(right, Timestamp):
        raise no_overload("_+_")
    zone = left.offset_minutes if isinstance(left, Timestamp) else right.offset_minutes  # type: ignore[union-attr]
    return times.timestamp(left.nanos + right.nanos, zone)


def subtract(charge: Meter, left: Any, right: Any) -> Any:
    """Differences of numbers, spans and points in time."""
    if isinstance(left, Timestamp) and isinstance(right, Timestamp | Duration):
        if isinstance(right, Timestamp):
            return times.duration(left.nanos - right.nanos)
        return times.timestamp(left.nanos - right.nanos, left.offset_minutes)
    kind = type(left)
    if kind is not type(right):
        raise no_overload("_-_")
    if kind is Duration:
        return times.duration(left.nanos - right.nanos)
    return _ranged(kind, left - right) if kind in (int, UInt, float) else _refuse("_-_")


def multiply(charge: Meter, left: Any, right: Any) -> Any:
    """Products of numbers of one type."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, UInt, float):
        raise no_overload("_*_")
    return _ranged(kind, left * right)


def divide(charge: Meter, left: Any, right: Any) -> Any:
    """Quotients of numbers of one type; ints towards zero, doubles as IEEE 754 says."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, UInt, float):
        raise no_overload("_/_")
    if kind is float:
        if right:
            return left / right
        return (
            math.nan
            if not left or math.isnan(left)
            else math.copysign(math.inf, left) * math.copysign(1, right)
        )
    if right == 0:
        raise CelError("division by zero")
    quotient = abs(left) // abs(right)
    return _ranged(kind, quotient if (left < 0) == (right < 0) else -quotient)


def modulo(charge: Meter, left: Any, right: Any) -> Any:
    """Remainder of ints, with the sign of the dividend."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, UInt):
        raise no_overload("_%_")
    if right == 0:
        raise CelError("modulus by zero")
    if kind is int and right == -1:
        int64(-left)
    rest = abs(left) % abs(right)
    return kind(-rest if left < 0 else rest)


def _ranged(kind: type, value: Any) -> Any:
    if kind is int:
        return int64(value)
    return uint64(value) if kind is UInt else value


def _refuse(function: str) -> Any:
    raise no_overload(function)


def negate(charge: Meter, value: Any) -> Any:
    """The opposite number."""
    if type(value) not in (int, float):
        raise no_overload("-_")
    return int64(-value) if type(value) is int else -value


def inverse(charge: Meter, value: Any) -> bool:
    """Logical not."""
    if value is True or value is False:
        return not value
    raise no_overload("!_")
