"""What an upgrade would change, for a person to read first. Secrets are hidden, length is bounded."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

MAX_LINES = 400
MAX_LINE_LENGTH = 300
HIDDEN = "(hidden)"

Json = Mapping[str, Any]
Mask = Callable[[Any], Any]
"""Answers a copy of a document without its secrets."""


def manifest_diff(before: Iterable[Json], after: Iterable[Json], *, mask: Mask) -> list[str]:
    """Objects that come, go or change, each with its changed lines."""
    old, new = _by_identity(before), _by_identity(after)
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            lines.append(f"+ {key}")
        elif key not in new:
            lines.append(f"- {key}")
        else:
            changed = list(_changed(old[key], new[key], mask))
            lines += [f"~ {key}", *changed] if changed else []
    return _bounded(lines)


def values_diff(before: Json, after: Json, *, mask: Mask) -> list[str]:
    """Changed lines of the values."""
    return _bounded(list(_changed(before, after, mask)))


def _changed(before: Json, after: Json, mask: Mask) -> Iterator[str]:
    shown = [_text(_hidden(entry, mask)) for entry in (before, after)]
    if shown[0] == shown[1]:
        if before != after:
            yield f"  ~ {HIDDEN}"
        return
    for line in difflib.unified_diff(shown[0], shown[1], lineterm="", n=1):
        if not line.startswith(("---", "+++", "@@")):
            yield f"  {line}"[:MAX_LINE_LENGTH]


def _hidden(document: Json, mask: Mask) -> Any:
    if document.get("kind") != "Secret":
        return mask(document)
    parts = {part: _hashed_away(document.get(part)) for part in ("data", "stringData") if part in document}
    return {**document, **parts}


def _hashed_away(data: Any) -> Any:
    return {key: HIDDEN for key in data} if isinstance(data, Mapping) else HIDDEN


def _by_identity(documents: Iterable[Json]) -> dict[str, Json]:
    found = {}
    for document in documents:
        meta = document.get("metadata") or {}
        where = f"{meta['namespace']}/" if meta.get("namespace") else ""
        found[f"{document.get('kind')} {where}{meta.get('name')}"] = document
    return found


def _text(document: Any) -> list[str]:
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=10_000).splitlines()


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - MAX_LINES
    return [*lines[:MAX_LINES], f"… {more} more lines"] if more > 0 else lines
