"""Reading objects that may lack any field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MAX_BEGINNING = 400
"""Letters of a message in a list; an operator may have said a lot, and its own page has the whole."""


def map_of(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def count_of(value: Any, default: int = 0) -> int:
    """A number of things; 0 for what counts nothing. `default`: where there is none."""
    try:
        return max(0, int(value)) if value is not None else default
    except (TypeError, ValueError):
        return 0


def conditions_in(obj: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The conditions in an object's status."""
    found = map_of(obj.get("status")).get("conditions")
    return [map_of(entry) for entry in found] if isinstance(found, Iterable) else []


def condition_in(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a type; empty when there is none."""
    return next((entry for entry in conditions_in(obj) if entry.get("type") == kind), {})
