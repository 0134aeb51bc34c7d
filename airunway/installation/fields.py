"""Reading JSON that anybody may have written: what is of no use is dropped. Source: install.md §A3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Json = Mapping[str, Any]
Item = TypeVar("Item")


def text(value: Any) -> str:
    """A trimmed string; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""


def flag(value: Any) -> bool | None:
    """A JSON boolean; None for anything else, the word `"true"` included."""
    return value if isinstance(value, bool) else None


def texts(value: Any) -> tuple[str, ...]:
    """The non-empty strings of a list."""
    return tuple(filter(None, map(text, value))) if isinstance(value, list) else ()


def annotation_object(annotations: Mapping[str, str], key: str, warnings: list[str]) -> Json | None:
    """A JSON object from an annotation; None when there is none, with a warning when it is not one."""
    given = annotations.get(key)
    if not given:
        return None
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        warnings.append(f"annotation {key}: not valid JSON")
        return None
    if not isinstance(value, dict):
        warnings.append(f"annotation {key}: not a JSON object")
        return None
    return value


def items(
    holder: Json, key: str, read: Callable[[Json, str, list[str]], Item | None], warnings: list[str]
) -> tuple[Item, ...]:
    """The valid entries of a list, in order. `read` answers None, with a warning, for one that is not."""
    value = holder.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        warnings.append(f"{key}: not a list")
        return ()
    return tuple(_read(value, key, read, warnings))


def _read(
    value: list[Any], key: str, read: Callable[[Json, str, list[str]], Item | None], warnings: list[str]
) -> Iterator[Item]:
    for index, entry in enumerate(value):
        where = f"{key}[{index}]"
        if not isinstance(entry, dict):
            warnings.append(f"{where}: not an object")
            continue
        item = read(entry, where, warnings)
        if item is not None:
            yield item
