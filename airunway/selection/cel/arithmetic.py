"""Arithmetic of CEL: numbers of one type only, with overflow as an error; texts and lists.

Each function takes the meter first and charges it for work that grows with the data. Raises CelError.
"""

from __future__ import annotations

import math
from typing import Any

from airunway.selection.cel.errors import CelError, no_overload
from airunway.selection.cel.values import Meter, UInt, int64, uint64


def add(charge: Meter, left: Any, right: Any) -> Any:
    """Sums of numbers, concatenation of texts, bytes and lists."""
    kind = type(left)
    if kind is type(right) and kind in (str, bytes, list):
        size = len(left) + len(right)
        charge(size if kind is list else size >> 5)
        return left + right
    return _ranged(_number_type("_+_", left, right), left + right)


def subtract(charge: Meter, left: Any, right: Any) -> Any:
    """Differences of numbers of one type."""
    kind = _number_type("_-_", left, right)
    return _ranged(kind, left - right)


def multiply(charge: Meter, left: Any, right: Any) -> Any:
    """Products of numbers of one type."""
    kind = _number_type("_*_", left, right)
    return _ranged(kind, left * right)


def divide(charge: Meter, left: Any, right: Any) -> Any:
    """Quotients of numbers of one type; ints towards zero, doubles as IEEE 754 says."""
    kind = _number_type("_/_", left, right)
    if kind is float:
        return left / right if right else _divided_by_zero(left, right)
    if right == 0:
        raise CelError("division by zero")
    quotient = abs(left) // abs(right)
    return _ranged(kind, quotient if (left < 0) == (right < 0) else -quotient)


def _divided_by_zero(value: float, zero: float) -> float:
    if not value or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1, zero)


def modulo(charge: Meter, left: Any, right: Any) -> Any:
    """Remainder of ints, with the sign of the dividend."""
    kind = _number_type("_%_", left, right)
    if kind is float:
        raise no_overload("_%_")
    if right == 0:
        raise CelError("modulus by zero")
    if kind is int and right == -1:
        int64(-left)
    rest = abs(left) % abs(right)
    return kind(-rest if left < 0 else rest)


def _number_type(function: str, left: Any, right: Any) -> type:
    """The type that both numbers are of."""
    kind = type(left)
    if kind is not type(right) or kind not in (int, UInt, float):
        raise no_overload(function)
    return kind


def _ranged(kind: type, value: Any) -> Any:
    if kind is int:
        return int64(value)
    return uint64(value) if kind is UInt else value


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
