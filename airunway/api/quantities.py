"""Kubernetes resource quantities: parse, compare, canonical text. Exact, with Decimal.

A quantity is a signed decimal number and a suffix: none, decimal (n u m k M G T P E), binary (Ki … Ei) or
an exponent (e3, E-2). Source: crds.md §1 (pattern), crds.md §4.2 (canonical form).
"""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, ROUND_UP, Context, Decimal
from enum import Enum
from functools import lru_cache

_PATTERN = re.compile(
    r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?[0-9]+))?", re.ASCII
)
_BINARY = {f"{letter}i": 2 ** (10 * power) for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BY_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL.items()} | {0: ""}
_MAX_TEXT_LENGTH = 256
_MAX_DIGITS = 18
_LARGEST = 2**63 - 1
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space as Kubernetes trims it; Python's `strip` takes four separators more."""
_NANO = Decimal(1).scaleb(-9)
_EXACT = Context(prec=11_000)  # room for the longest text and the largest exponent


class _Format(Enum):
    """The family of suffixes that the canonical text keeps."""

    BINARY = "binary"
    DECIMAL = "decimal"
    EXPONENT = "exponent"


class InvalidQuantity(ValueError):
    """Not a resource quantity; the same text gives the same error."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Decimal:
    """The exact value. Finer than a nano is rounded away from zero; binary ones are cut to an int64.

    As Kubernetes does, digits may be missing: `Gi` is 0. Raises InvalidQuantity.
    """
    return _read(text)[0]


@lru_cache(maxsize=4096)
def canonical(text: str | int) -> str:
    """The text that Kubernetes writes for the same value: `1024Mi` → `1Gi`, `0.5Gi` → `512Mi`, 20 → `20`.

    No precision is lost, no fraction is left, and the suffix is the largest possible of the given family;
    a few texts that only look different, like `+1k`, are kept. Blanks around it are dropped, as Kubernetes
    does where it reads a field. Raises InvalidQuantity.
    """
    bare = str(text).strip(SPACES)
    value, family, kept = _read(bare)
    if kept:
        return bare
    if value == 0:
        return "0"
    if family is _Format.BINARY:
        # Below 1024, or with a fraction, the family falls back to decimal suffixes.
        if -1024 < value < 1024 or value != value.to_integral_value():
            return _decimal(value, family=_Format.DECIMAL)
        return _binary(int(value))
    return _decimal(value, family=family)


def is_valid(text: str) -> bool:
    """Whether a text is a quantity."""
    try:
        parse(text)
    except InvalidQuantity:
        return False
    return True


def exceeds(text: str, limit: str) -> bool:
    """Whether one quantity is larger than another, by value. Raises InvalidQuantity."""
    return parse(text) > parse(limit)


def equal(left: str | int, right: str | int) -> bool:
    """Whether two quantities have the same value, in whatever units. Raises InvalidQuantity."""
    return parse(str(left)) == parse(str(right))


def _read(text: str) -> tuple[Decimal, _Format, bool]:
    """Value, family of suffixes, and whether Kubernetes keeps the text as it is."""
    match = _PATTERN.fullmatch(text) if text and len(text) <= _MAX_TEXT_LENGTH else None
    if match is None:
        raise InvalidQuantity(
            f"{text[:64]!r} is not a resource quantity: a number with an optional suffix "
            "n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3"
        )
    sign, whole, fraction, binary, decimal, exponent = match.groups(default="")
    if len(exponent) > 4:
        raise InvalidQuantity(f"{text[:64]!r} has an exponent out of range")
    value = Decimal(f"{whole or '0'}.{fraction or '0'}")
    digits = (whole or "0") + fraction
    if binary:
        value, family = _EXACT.multiply(value, _BINARY[binary]), _Format.BINARY
        kept = _keeps_binary(digits, power=_BINARY[binary].bit_length() - 1, fraction=fraction)
        value = min(value, Decimal(_LARGEST))
    else:
        power = int(exponent) if exponent else _DECIMAL.get(decimal, 0)
        value, family = _EXACT.scaleb(value, power), _Format.EXPONENT if exponent else _Format.DECIMAL
        kept = _keeps_decimal(digits, scale=power - len(fraction))
    value = value.quantize(_NANO, rounding=ROUND_UP, context=_EXACT)
    return (-value if sign == "-" else value), family, kept or text == "0"


def _keeps_decimal(digits: str, *, scale: int) -> bool:
    if len(digits) > _MAX_DIGITS or scale < -9:
        return False
    return scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _keeps_binary(digits: str, *, power: int, fraction: str) -> bool:
    """Small numbers that are no multiple of 8 of their unit."""
    room = 15 - len(digits) - int(power * 3 / 10) - 1
    return room >= 0 and not fraction and int(digits) % 8 != 0 and int(digits) << power <= _LARGEST


def _binary(value: int) -> str:
    suffix = ""
    for name, factor in _BINARY.items():
        if value % factor == 0:
            suffix = name
    return f"{value // _BINARY[suffix]}{suffix}" if suffix else str(value)


def _decimal(value: Decimal, *, family: _Format) -> str:
    normal = value.normalize(_EXACT)
    exponent = normal.as_tuple().exponent
    assert isinstance(exponent, int)
    power = int((Decimal(exponent) / 3).to_integral_value(rounding=ROUND_FLOOR)) * 3
    if family is _Format.DECIMAL:
        power = max(-9, min(18, power))
    digits = int(_EXACT.scaleb(normal, -power))
    if family is _Format.EXPONENT:
        return f"{digits}e{power}" if power else str(digits)
    return f"{digits}{_BY_EXPONENT[power]}"
