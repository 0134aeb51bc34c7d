"""How large and how deep a value of somebody else may be before code that walks it takes too long. Pure.

Python stops at a thousand calls within each other, a recursive walk takes up to three of them for a level,
and pydantic writes no more than 255 levels: a value that is no deeper than MAX_DEPTH can be walked by all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MAX_DEPTH = 100
"""Levels of maps and lists in each other. The deepest CRDs that are installed here have some fifty."""
MAX_SPEC_ELEMENTS = 20_000
"""Maps, lists and plain values of a deployment's spec together; a real one has less than two hundred."""
MAX_SPEC_TEXT = 64 * 1024
"""Characters of its arguments and overrides, which are taken apart; a real one has some thousands."""
MAX_SPEC_DOCUMENTS = 4_000
"""Commas and brackets in these: an argument may be JSON, which is read, and written again."""
MAX_ANNOTATIONS_BYTES = 256 * 1024
"""Keys and values of an object's annotations together, as the API server takes them."""
LARGE_ELEMENTS = 5_000
"""From here on a walk in Python takes milliseconds, so that it belongs off the event loop."""


def is_deeper_than(value: Any, levels: int) -> bool:
    """Whether maps and lists are nested deeper than so many levels. Takes no call per level."""
    level = [value]
    for _ in range(levels):
        level = _within(level)
        if not level:
            return False
    return any(isinstance(entry, (dict, list)) for entry in level)


def has_more_elements_than(value: Any, limit: int) -> bool:
    """Whether a value is made of more maps, lists and plain values than so many. Stops counting there."""
    level, count = [value], 1
    while level:
        level = _within(level)
        count += len(level)
        if count > limit:
            return True
    return False


def spec_problem(obj: Mapping[str, Any]) -> str:
    """Why a deployment is too large or too deep to be worked on; empty when it is not."""
    spec = obj.get("spec")
    if has_more_elements_than(spec, MAX_SPEC_ELEMENTS):
        return f"has more than {MAX_SPEC_ELEMENTS} fields and values; make it smaller"
    if is_deeper_than(spec, MAX_DEPTH):
        return f"is nested deeper than {MAX_DEPTH} levels; make it flatter"
    parts = [spec.get("engine"), spec.get("provider")] if isinstance(spec, Mapping) else []
    texts = list(_texts(parts))
    if sum(map(len, texts)) > MAX_SPEC_TEXT:
        return f"has more than {MAX_SPEC_TEXT} characters in its arguments and overrides; make these shorter"
    if sum(text.count(mark) for text in texts for mark in ",[{") > MAX_SPEC_DOCUMENTS:
        return f"has more than {MAX_SPEC_DOCUMENTS} commas and brackets in its arguments and overrides"
    return ""


def _texts(value: Any) -> Iterator[str]:
    """Keys and values that are texts."""
    level = [value]
    while level:
        for entry in level:
            if isinstance(entry, dict):
                yield from (key for key in entry if isinstance(key, str))
            elif isinstance(entry, str):
                yield entry
        level = _within(level)


def _within(values: list[Any]) -> list[Any]:
    return [
        child
        for value in values
        if isinstance(value, (dict, list))
        for child in (value.values() if isinstance(value, dict) else value)
    ]
