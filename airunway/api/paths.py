"""Paths into JSON data, and patterns of them: keys with dots between, `*` for any one key or list index.

A pattern means the field it names and everything below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]
Pattern = tuple[str, ...]

ANY = "*"


def pattern(text: str) -> Pattern:
    """A pattern as it is written, e.g. `spec.template.spec.containers.*.args`. Raises ValueError."""
    steps = tuple(text.strip().split("."))
    if not all(steps):
        raise ValueError(f"{text!r} is no path: keys with dots between, `*` for any one")
    return steps


def shown(path: Path) -> str:
    """A path as people write it: `spec.containers[0].args`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def covers(wanted: Pattern, path: Path) -> bool:
    """Whether a pattern means the field at a path, or one that it lies in."""
    return len(wanted) <= len(path) and _agree(wanted, path)


def names(wanted: Pattern, path: Path) -> bool:
    """Whether a pattern means this very field, by its own key: `*` in the last place names nothing."""
    return len(wanted) == len(path) and wanted[-1] != ANY and _agree(wanted, path)


def outside(value: Any, allowed: Sequence[Pattern], at: Path = ()) -> Iterator[Path]:
    """The shortest paths in a value that no pattern covers; an object that only leads there is no finding."""
    if any(covers(entry, at) for entry in allowed):
        return
    leading = [entry for entry in allowed if len(entry) > len(at) and _agree(entry, at)]
    if (leading or not at) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from outside(item, leading, (*at, key))
    elif leading and isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from outside(item, leading, (*at, index))
    else:
        yield at


def _agree(wanted: Pattern, path: Path) -> bool:
    return all(step in (ANY, str(given)) for step, given in zip(wanted, path, strict=False))
