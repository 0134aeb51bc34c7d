"""Objects that are broken in one place each, to see that servers refuse, and refuse alike."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.provider import Manifest

SEED = 13
WRONG: Mapping[type, tuple[Any, ...]] = {
    str: (7, ["a"], {}),
    bool: ("yes", 1),
    int: ("x", -1, 1.5),
    list: ({}, "a"),
    dict: ([], "a"),
}
"""What stands in the place of a value, by its type."""


def damaged(objects: Mapping[str, Manifest], count: int) -> dict[str, Manifest]:
    """So many objects, each broken in one place; what was broken, and how, is the key."""
    choose = random.Random(SEED)
    keys = sorted(
        key for key, obj in objects.items() if _places_of(obj)
    )  # a ServiceAccount has nothing inside
    return dict(_damaged(copy.deepcopy(objects[choose.choice(keys)]), choose) for _ in range(count))


def _damaged(obj: Manifest, choose: random.Random) -> tuple[str, Manifest]:
    *way, last = choose.choice(_places_of(obj))
    holder = obj
    for step in way:
        holder = holder[step]
    value, how = holder[last], choose.choice(["misspelt", "wrong", "wrong", "missing"])
    if how == "misspelt" and isinstance(last, str):
        holder[f"{last}z"] = holder.pop(last)
    elif how == "wrong":
        holder[last] = choose.choice(WRONG.get(type(value), ("a",)))
        how = f"{holder[last]!r}"
    else:
        how = "missing"
        del holder[last]
    path = ".".join(map(str, (*way, last)))
    return f"{obj['kind']} {obj['metadata']['name']}: {path} {how}", obj


_IDENTITY = ("apiVersion", "kind", "metadata")


def _places_of(obj: Manifest) -> list[tuple[str | int, ...]]:
    return [found for key, part in obj.items() if key not in _IDENTITY for found in _places(part, (key,))]


def _places(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Every field below the top of the object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*at, key)
        yield from _places(item, (*at, key))
