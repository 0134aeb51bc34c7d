"""Chart values: Helm's value paths made into one document. Source: install.md §A4.3."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any

MAX_INDEX = 65536
"""Helm's own limit of a list index in a path."""


class BadPath(ValueError):
    """A value path that Helm could not read either."""


def document_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The nested document that a map of paths stands for; later entries win. Raises BadPath."""
    document: dict[str, Any] = {}
    for path, value in values.items():
        _set(document, parse_path(path), copy.deepcopy(value), path)
    return document


def parse_path(path: str) -> list[str | int]:
    r"""Keys and indexes of a path: dots nest, `\.` is a dot, `a[0]` indexes."""
    parts: list[str | int] = []
    for piece in _split(path):
        match = re.fullmatch(r"(.*?)((?:\[\d+\])*)", piece, re.DOTALL)
        assert match is not None
        name, indexes = match[1].replace("\\.", "."), match[2]
        if not name or "[" in name or "]" in name:
            raise BadPath(f"value path {path!r}: an empty or malformed key")
        parts.append(name)
        for index in re.findall(r"\d+", indexes):
            if int(index) > MAX_INDEX:
                raise BadPath(f"value path {path!r}: index {index} is above {MAX_INDEX}")
            parts.append(int(index))
    return parts


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: objects merge, everything else is replaced."""
    result = dict(copy.deepcopy(dict(base)))
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """`path=value` words as `--set` takes them, as a document. Raises BadPath."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        path, mark, value = assignment.partition("=")
        if not mark:
            raise BadPath("a value without a path: give it as path=value")
        values = merged(values, document_of({path: _scalar(value)}))
    return values


def _split(path: str) -> list[str]:
    return re.split(r"(?<!\\)\.", path)


def _set(document: Any, parts: list[str | int], value: Any, path: str) -> None:
    here = document
    for part, following in itertools.pairwise(parts):
        below = _child(here, part, path)
        if isinstance(following, int):
            below = list(below) if isinstance(below, list) else []
        elif not isinstance(below, dict):
            below = {}
        _put(here, part, below)
        here = below
    _put(here, parts[-1], value)


def _child(here: Any, part: str | int, path: str) -> Any:
    if isinstance(part, int):
        return here[part] if part < len(here) else None
    if not isinstance(here, dict):
        raise BadPath(f"value path {path!r}: {part!r} is inside something that is not an object")
    return here.get(part)


def _put(here: Any, part: str | int, value: Any) -> None:
    if isinstance(part, int):
        here.extend([None] * (part + 1 - len(here)))
    here[part] = value


def _scalar(word: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    if word == "null":
        return None
    if re.fullmatch(r"-?(0|[1-9]\d*)", word):
        return int(word)
    return word
