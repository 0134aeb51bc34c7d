"""The words in which `container_rules`, `affinity_rules` and `pod_rules` say what the API server refuses.

As the tables of `shapes`, but the other way round: of a field that is in no table nothing is said. Null, and
for texts the empty one, counts as absent, as it does to Kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airunway.api import quantities
from airunway.api.paths import Path
from airunway.api.server_names import port_name_fault
from airunway.provider.shapes import NotInShape, Shape, each

MAX_INT32 = 2**31 - 1
MAX_PORT = 65535
Fault = Callable[[str], str]
"""What is wrong with a text; empty when nothing is."""
_ABSENT: tuple[Any, ...] = (None, "", [], {})


def faultless(_: str) -> str:
    """Any text will do."""
    return ""


def parts(known: Mapping[str, Shape], *, required: tuple[str, ...] = (), also: Shape | None = None) -> Shape:
    """An object whose known fields are such, the required ones given. `also`: of its fields together."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None:
            return
        if not isinstance(value, Mapping):
            yield NotInShape(path=at, why="must be an object")
            return
        for key in required:
            if value.get(key) in _ABSENT:
                yield NotInShape(path=(*at, key), why="is required")
        for key, rule in known.items():
            yield from rule(value.get(key), (*at, key))
        if also is not None:
            yield from also(value, at)

    return check


def text(fault: Fault = faultless, *, empty_too: bool = False) -> Shape:
    """A text. `empty_too`: the empty one is no absent one."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None or (value == "" and not empty_too):
            return
        why = fault(value) if isinstance(value, str) else "must be a text: put it in quotes"
        if why:
            yield NotInShape(path=at, why=why)

    return check


def one_of(*words: str) -> Shape:
    """One of these texts."""
    return text(lambda given: "" if given in words else f"must be one of {', '.join(words)}")


def whole(low: int, high: int = MAX_INT32) -> Shape:
    """A whole number within bounds."""
    words = f"must be a whole number, at least {low}"
    words += f" and at most {high}" if high < MAX_INT32 else ""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is None:
            return
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value != value // 1 or not low <= value <= high:
            yield NotInShape(path=at, why=words)

    return check


def flag(value: Any, at: Path) -> Iterator[NotInShape]:
    """True or false."""
    if value is not None and not isinstance(value, bool):
        yield NotInShape(path=at, why="must be true or false, without quotes")


def absent(why: str) -> Shape:
    """Nothing: `why` completes the sentence that the path begins."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        if value is not None:
            yield NotInShape(path=at, why=why)

    return check


def amount(value: Any, at: Path) -> Iterator[NotInShape]:
    """A quantity that is not negative."""
    if value is None:
        return
    written = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not quantities.is_valid(written):
        yield NotInShape(path=at, why="must be a quantity, e.g. 100Gi")
    elif quantities.parse(written) < 0:
        yield NotInShape(path=at, why="must not be negative")


def port_reference(value: Any, at: Path) -> Iterator[NotInShape]:
    """The number of a port, or its name in the container."""
    yield from (text(port_name_fault) if isinstance(value, str) else whole(1, MAX_PORT))(value, at)


def distinct(*keys: str, defaults: Mapping[str, Any] | None = None) -> Shape:
    """A list of objects, no two of which have the same values of all these keys."""
    filled = defaults or {}

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        seen: list[tuple[Any, ...]] = []
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(entry, Mapping):
                continue
            identity = tuple(entry.get(key) or filled.get(key) for key in keys)
            if identity in seen and None not in identity:
                yield NotInShape(path=(*at, index), why=f"has the same {' and '.join(keys)} as another one")
            seen.append(identity)

    return check


def once_each(rule: Shape, *keys: str) -> Shape:
    """A list of such, no two of which have the same values of all these keys."""
    return together(each(rule), distinct(*keys))


def given_of(value: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Which of these fields an object has."""
    return [name for name in names if value.get(name) is not None]


def only_one(*names: str, needed: bool = True) -> Shape:
    """Exactly one of these fields of an object; at most one where none is needed."""

    def check(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
        found = given_of(value, names)
        if needed and not found:
            yield NotInShape(path=at, why=f"must have one of {', '.join(names)}")
        for name in found[1:]:
            yield NotInShape(path=(*at, name), why=f"must not stand beside {found[0]}")

    return check


def together(*rules: Shape) -> Shape:
    """All of these."""

    def check(value: Any, at: Path) -> Iterator[NotInShape]:
        for rule in rules:
            yield from rule(value, at)

    return check
