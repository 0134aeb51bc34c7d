"""What counts as equal in recorded answers, and the forms in which their parts are compared.

Rules that hold for every group: maps have no order; absent and null are equal; numbers are JSON's
(`2` equals `2.0`, not `"2"`, and `true` is no number); `<text>` is any non-empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

ANY_TEXT = "<text>"


def same_scalar(want: Any, got: Any) -> bool:
    """Whether two values that are neither maps nor lists agree."""
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int | float) and isinstance(got, int | float):
        # Go writes a large double as digits without exponent, which read as an int that is a little off.
        as_doubles = isinstance(want, float) or isinstance(got, float)
        return float(want) == float(got) if as_doubles else want == got
    if want == ANY_TEXT:
        return isinstance(got, str) and bool(got)
    return type(want) is type(got) and bool(want == got)


def some_text(value: Any) -> str | None:
    """A text that is compared loosely: empty against not empty."""
    return ANY_TEXT if value else None


def conditions(entries: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Conditions as a set keyed by type: status and reason exactly, message empty or not."""
    return {
        kind: {
            "status": entry.get("status"),
            "reason": entry.get("reason"),
            "message": some_text(entry.get("message")),
        }
        for kind, entry in by_key(entries or (), key=_type).items()
    }


def _type(condition: Mapping[str, Any]) -> str:
    return str(condition.get("type"))


def by_key(entries: Iterable[Any], *, key: Callable[[Any], str]) -> dict[str, Any]:
    """A list that stands for a set, keyed; fails on a key that occurs twice."""
    keyed: dict[str, Any] = {}
    for entry in entries or ():
        name = key(entry)
        assert name not in keyed, f"{name} occurs twice"
        keyed[name] = entry
    return keyed


def without_empty(value: Any, *, keep: frozenset[str] = frozenset()) -> Any:
    """A copy in which empty maps, lists and texts, `0`, `false` and null of a map are absent.

    For answers that were encoded with optional zero values left out. Keys in `keep` stay.
    """
    if isinstance(value, Mapping):
        kept = {key: without_empty(item, keep=keep) for key, item in value.items()}
        return {key: item for key, item in kept.items() if key in keep or not is_zero(item)}
    if isinstance(value, list):
        return [without_empty(item, keep=keep) for item in value]
    return value


def is_zero(value: Any) -> bool:
    """Whether a JSON value is what an absent field reads as."""
    return value is None or value is False or value in (0, "", [], {})
