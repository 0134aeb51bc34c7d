"""What API servers say of fields that a kind does not have, as warnings and as refusals. Pure.

A create drops them and warns; an apply is refused for them. What else a server warns of (a deprecated
version, what a webhook has to say) concerns no field that was given, so nothing asked for is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN_FIELD = "unknown field"

_DROPPED = re.compile(r'(?:unknown|duplicate) field "(?P<path>.+)"')
_UNDECLARED = re.compile(r"(?<!\S)\.(?P<path>\S+?): field not declared in schema")


def dropped_field(warning: str) -> str:
    """The path of the field that a warning says was dropped, as `spec.a`; empty: it says another thing."""
    found = _DROPPED.fullmatch(warning.strip())
    return found["path"] if found else ""


def undeclared_fields(refusal: str) -> list[str]:
    """Paths of the fields that an apply was refused for, as `spec.list[name=a].b`."""
    return [found["path"].replace('"', "") for found in _UNDECLARED.finditer(refusal)]


def in_words(warnings: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(object, warning) pairs as two sentences: which fields are missing, and what else is warned of."""
    dropped: dict[str, list[str]] = {}
    others = []
    for name, warning in warnings:
        path = dropped_field(warning)
        if path:
            dropped.setdefault(name, []).append(path)
        else:
            others.append(f"{name}: {warning}")
    missing = "; ".join(f"{', '.join(paths)} of {name}" for name, paths in dropped.items())
    said = f"the API server dropped fields that it does not know: {missing}" if missing else ""
    return said, f"the API server warns of {'; '.join(others)}" if others else ""
