"""Conversions of CEL: `int("12")`, `string(1.5)`. As Go's `strconv` reads and writes.

Each function takes the meter first and charges it for work that grows with the data. Raises CelError.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from airunway.selection.cel.errors import CelError, no_overload
from airunway.selection.cel.values import Meter, UInt, int64, uint64

_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


def to_int(charge: Meter, value: Any) -> int:
    """int(): of any number, or a text of digits."""
    if isinstance(value, float):
        # The bounds themselves are excluded, as in the reference.
        if not -(2.0**63) < value < 2.0**63:
            raise CelError("integer overflow")
        return int(value)
    if isinstance(value, str):
        return int64(_digits(value))
    return int64(int(value)) if type(value) in (int, UInt) else int(_refuse("int"))


def to_uint(charge: Meter, value: Any) -> UInt:
    """uint(): of any number, or a text of digits without sign."""
    if isinstance(value, float):
        if not 0 <= value < 2.0**64:
            raise CelError("unsigned integer overflow")
        return UInt(int(value))
    if isinstance(value, str):
        if value[:1] in ("+", "-"):
            raise CelError(f"not a uint: {value[:40]!r}")
        return uint64(_digits(value))
    return uint64(int(value)) if type(value) in (int, UInt) else UInt(_refuse("uint"))


def _digits(text: str) -> int:
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        raise CelError(f"not a whole number: {text[:40]!r}")
    return int(text)


def to_double(charge: Meter, value: Any) -> float:
    """double(): of any number, or a text."""
    if isinstance(value, str):
        return _double(value)
    return float(value) if type(value) in (int, UInt, float) else float(_refuse("double"))


def _double(text: str) -> float:
    bare = text.lower()
    try:
        if text != text.strip() or len(text) > 400 or bare in ("+nan", "-nan"):
            raise ValueError
        is_hex = bare.lstrip("+-").startswith("0x") and "p" in bare
        value = float.fromhex(text) if is_hex else float(text)
    except (ValueError, OverflowError):
        raise CelError(f"not a double: {text[:40]!r}") from None
    if math.isinf(value) and "inf" not in bare:
        raise CelError(f"not a double: {text[:40]!r}")
    return value


def to_string(charge: Meter, value: Any) -> str:
    """string(): of any scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        charge(len(value) >> 6)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    return str(int(value)) if isinstance(value, int) else str(_refuse("string"))


def double_text(value: float) -> str:
    """Go's `%g`: the shortest digits that read back, with an exponent below -4 and from 6 on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, prefix = "".join(map(str, digits)), "-" * sign
    power = len(text) - 1 + int(exponent)
    if value == 0 or -4 <= power < 6:
        return f"{Decimal(prefix + text).scaleb(int(exponent)):f}"
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{prefix}{mantissa}e{power:+03}"


def to_bool(charge: Meter, value: Any) -> bool:
    """bool(): of a text like `true`, `T` or `0`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _TRUE | _FALSE:
        return value in _TRUE
    raise CelError("not a bool") if isinstance(value, str) else no_overload("bool")


def to_bytes(charge: Meter, value: Any) -> bytes:
    """bytes(): UTF-8 of a text."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise no_overload("bytes")
    charge(len(value) >> 6)
    return value.encode(errors="surrogatepass")


def _refuse(function: str) -> Any:
    raise no_overload(function)
