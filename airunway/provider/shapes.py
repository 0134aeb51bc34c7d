"""What a rendered object may hold: tables of fields that are known to be safe. Everything else is refused.

A shape is a function from a value and its path to what is wrong with it. Fields that are not in a table are
refused, so one that a later Kubernetes or operator brings is refused until somebody has looked at it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.api.paths import Path

UNKNOWN = "is not among the fields that are known to be safe"


@dataclass(frozen=True, kw_only=True)
class NotInShape:
    """A field that a rendered object must not hold. `why` completes the sentence that its path begins."""

    path: Path
    why: str


Shape = Callable[[Any, Path], Iterator[NotInShape]]


def anything(value: Any, at: Path) -> Iterator[NotInShape]:
    """Whatever it is."""
    return iter(())


def never(why: str) -> Shape:
    """Not at all; `why` completes the sentence that the path begins. Null counts as absent."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is not None:
            yield NotInShape(path=at, why=why)

    return check


def only(*values: Any, why: str = "") -> Shape:
    """One of these values."""
    words = why or f"may only be {' or '.join(str(value).lower() for value in values)}"

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is not None and not any(type(value) is type(item) and value == item for item in values):
            yield NotInShape(path=at, why=words)

    return check


def fields(known: Mapping[str, Shape]) -> Shape:
    """An object with these fields and no others."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None:
            return
        if not isinstance(value, Mapping):
            yield NotInShape(path=at, why="must be an object")
            return
        for key, item in value.items():
            if item is None:
                continue
            shape = known.get(key)
            if shape is None:
                yield NotInShape(path=(*at, key), why=UNKNOWN)
            else:
                yield from shape(item, (*at, key))

    return check


def each(shape: Shape) -> Shape:
    """A list of such values."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None:
            return
        if not isinstance(value, list):
            yield NotInShape(path=at, why="must be a list")
            return
        for index, item in enumerate(value):
            yield from shape(item, (*at, index))

    return check


def every(shape: Shape) -> Shape:
    """An object with any keys, all of whose values are such."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None:
            return
        if not isinstance(value, Mapping):
            yield NotInShape(path=at, why="must be an object")
            return
        for key, item in value.items():
            yield from shape(item, (*at, key))

    return check


def keys_without(prefix: str, *, but: Collection[str] = ()) -> Shape:
    """Labels or annotations without those that an operator takes for its own, `but` for harmless ones."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        for key in value if isinstance(value, Mapping) else ():
            if key.startswith(prefix) and key not in but:
                yield NotInShape(
                    path=(*at, key), why="is read by the operator, which it would tell what to do"
                )

    return check
