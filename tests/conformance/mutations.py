"""Answers with one value changed, to see whether a comparison notices."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.conformance.diff import Document

Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values that are neither maps nor lists."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path


def mutated(document: Document, path: Path) -> Document:
    """A copy with another value at a path: a text is emptied, so that it is not even some text."""
    changed: Any = copy.deepcopy(document)
    *parents, key = path
    place = changed
    for step in parents:
        place = place[step]
    place[key] = "" if isinstance(place[key], str) and place[key] else "another value"
    return dict(changed)


def some_mutations(document: Document, *, seed: str, number: int) -> Iterator[Document]:
    """Copies with one random value changed each, the same ones for the same seed."""
    paths = list(leaves(document))
    for path in random.Random(seed).sample(paths, min(number, len(paths))):
        yield mutated(document, path)
