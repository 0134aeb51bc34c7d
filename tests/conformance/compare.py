"""How a recorded answer and ours are compared. Each function returns the differences, empty when none.

Rules that hold for every group: maps have no order; absent and null are equal; numbers are JSON's
(`2` equals `2.0`, not `"2"`, and `true` is no number); `<text>` is any non-empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

ANY_TEXT = "<text>"


def differences(want: Any, got: Any, path: str = "") -> list[str]:
    """Where two JSON values differ. `<text>` in `want` agrees with any non-empty text."""
    if isinstance(want, Mapping) and isinstance(got, Mapping):
        return [
            found
            for key in sorted(want.keys() | got.keys())
            for found in differences(want.get(key), got.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return [f"{path}: wanted {len(want)} entries, got {len(got)}: {want!r} / {got!r}"]
        return [
            found
            for index, (left, right) in enumerate(zip(want, got, strict=True))
            for found in differences(left, right, f"{path}[{index}]")
        ]
    if want == ANY_TEXT:
        return [] if isinstance(got, str) and got else [f"{path}: wanted some text, got {got!r}"]
    return [] if _same_scalar(want, got) else [f"{path}: wanted {want!r}, got {got!r}"]


def _same_scalar(want: Any, got: Any) -> bool:
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int | float) and isinstance(got, int | float):
        # Go writes a large double as digits without exponent, which read as an int that is a little off.
        as_doubles = isinstance(want, float) or isinstance(got, float)
        return float(want) == float(got) if as_doubles else want == got
    return type(want) is type(got) and bool(want == got)


def presence(want: Any, got: Any, path: str) -> list[str]:
    """Texts that are compared loosely: empty against not empty."""
    if bool(want) == bool(got):
        return []
    return [f"{path}: wanted {'some' if want else 'no'} text, got {got!r}"]


def conditions(
    want: Iterable[Mapping[str, Any]], got: Iterable[Mapping[str, Any]], path: str = "conditions"
) -> list[str]:
    """Conditions as a set keyed by type: status and reason exactly, message empty or not."""
    left, right = by_key(want, key=_type), by_key(got, key=_type)
    found = []
    for kind in sorted(left.keys() | right.keys()):
        here = f"{path}[{kind}]"
        if kind not in left or kind not in right:
            found.append(f"{here}: {'missing' if kind in left else 'not wanted'}: {right.get(kind)!r}")
            continue
        for field in ("status", "reason"):
            found += differences(left[kind].get(field), right[kind].get(field), f"{here}.{field}")
        found += presence(left[kind].get("message"), right[kind].get("message"), f"{here}.message")
    return found


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
