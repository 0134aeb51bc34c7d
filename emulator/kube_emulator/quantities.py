"""Writes resource quantities in their one canonical way: `1024Mi` is kept as `1Gi`, `0.5` as `500m`.

Rules: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache

_FORM = re.compile(r"^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_EXPONENTS = {suffix: exponent for exponent, suffix in _DECIMAL.items()}
_NANO = Decimal("1e-9")
MALFORMED = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class MalformedQuantity(ValueError):
    """A text that is not a quantity."""


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The canonical form of a quantity. Raises MalformedQuantity."""
    value, suffix = _read(text)
    if suffix in _BINARY[1:] and abs(value) >= 1024 and value == value.to_integral_value():
        return _binary(int(value))
    return _exponent(value) if suffix[1:] and suffix[0] in "eE" and suffix[1] != "i" else _decimal(value)


def number(quantity: str | float) -> Decimal:
    """How much a quantity is. Raises MalformedQuantity."""
    return _read(str(quantity))[0]


def _read(text: str) -> tuple[Decimal, str]:
    found = _FORM.match(text)
    if not found:
        raise MalformedQuantity(MALFORMED)
    sign, digits, suffix = found.groups(default="")
    value = Decimal(f"{sign}{digits}")
    if suffix in _BINARY[1:]:
        return value * 1024 ** _BINARY.index(suffix), suffix
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return value.scaleb(int(suffix[1:])), suffix
    return value.scaleb(_EXPONENTS[suffix]), suffix


def _binary(value: int) -> str:
    power = 0
    while value and value % 1024 == 0 and power < len(_BINARY) - 1:
        value, power = value // 1024, power + 1
    return f"{value}{_BINARY[power]}"


def _scaled(value: Decimal) -> tuple[int, int]:
    """A whole number and a power of ten, a multiple of three, as large as it can be."""
    exponent = -9
    whole = int((value / _NANO).to_integral_value(rounding=ROUND_UP))
    while whole and whole % 1000 == 0 and exponent < 18:
        whole, exponent = whole // 1000, exponent + 3
    return (whole, exponent) if whole else (0, 0)


def _decimal(value: Decimal) -> str:
    whole, exponent = _scaled(value)
    return f"{whole}{_DECIMAL[exponent]}"


def _exponent(value: Decimal) -> str:
    whole, exponent = _scaled(value)
    return f"{whole}e{exponent}" if exponent else str(whole)
