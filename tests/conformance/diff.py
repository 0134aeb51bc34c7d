"""Two JSON documents side by side: what changed where, some of the changes, and all of them as a JSON patch.

Apart from the rules because it knows nothing of them. Patches are RFC 6902 with `add`, `remove` and
`replace` only; each operation that takes something away also says what `was` there, for the reader and as
a check (members that the RFC does not know are ignored by others). Numbers are JSON's, and `<text>` in the
older document agrees with any non-empty text (`compare.same_scalar`). Maps hold no nulls (`without_nulls`).
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance.compare import same_scalar

Document = dict[str, Any]
Operation = dict[str, Any]
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()


class StalePatch(Exception):
    """A patch was made for another document."""


@dataclass(frozen=True)
class Change:
    """One value that differs: a leaf, or a whole entry of a list. `MISSING` stands for nothing."""

    path: tuple[str, ...]
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{pointer(self.path)}: wanted {self.old!r}, got {self.new!r}"


def without_nulls(value: Any) -> Any:
    """A copy in which null of a map is absent, as documents are compared."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return list(map(without_nulls, value)) if isinstance(value, list) else value


def pointer(path: tuple[str, ...]) -> str:
    """The path as a JSON pointer (RFC 6901)."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def segments(text: str) -> tuple[str, ...]:
    """The keys of a JSON pointer."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/")[1:])


def changes(old: Any, new: Any) -> list[Change]:
    """Every difference; empty when the documents agree."""
    found: list[Change] = []
    merged(old, new, lambda change: bool(found.append(change)))
    return found


def merged(old: Any, new: Any, accept: Callable[[Change], bool], path: tuple[str, ...] = ()) -> Any:
    """The old document with those changes towards the new one that are accepted."""
    if _either(old, new, Mapping):
        return _merged_maps(old, new, accept, path)
    if _either(old, new, list):
        return _merged_lists(old, new, accept, path)
    if _same(old, new):
        return old
    return new if accept(Change(path, old, new)) else old


def _merged_maps(old: Any, new: Any, accept: Callable[[Change], bool], path: tuple[str, ...]) -> Any:
    left, right = ({} if entries is MISSING else entries for entries in (old, new))
    found = {
        key: merged(left.get(key, MISSING), right.get(key, MISSING), accept, (*path, key))
        for key in sorted(left.keys() | right.keys())
    }
    kept = {key: value for key, value in found.items() if value is not MISSING}
    return kept if kept or (old is not MISSING and new is not MISSING) else MISSING


def _merged_lists(old: Any, new: Any, accept: Callable[[Change], bool], path: tuple[str, ...]) -> Any:
    kept = []
    for index, (left, right) in enumerate(
        edits(*([] if entries is MISSING else entries for entries in (old, new)))
    ):
        here = (*path, str(index))
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            kept.append(merged(left, right, accept, here))
        elif _same(left, right) or not accept(Change(here, left, right)):
            kept.append(left)
        else:
            kept.append(right)
    kept = [value for value in kept if value is not MISSING]
    return kept if kept or (old is not MISSING and new is not MISSING) else MISSING


def edits(old: list[Any], new: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs of entries, in order: the same or two maps to compare further, or one of them is missing."""
    left, right = ([json.dumps(entry, sort_keys=True) for entry in entries] for entries in (old, new))
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        pairs = list(zip(old[start:end], new[new_start:new_end], strict=False))
        if kind == "equal" or (end - start == new_end - new_start and all(_paired(*pair) for pair in pairs)):
            yield from pairs
        else:
            yield from ((entry, MISSING) for entry in old[start:end])
            yield from ((MISSING, entry) for entry in new[new_start:new_end])


def _paired(old: Any, new: Any) -> bool:
    return _same(old, new) or (isinstance(old, Mapping) and isinstance(new, Mapping))


def _either(old: Any, new: Any, kind: type) -> bool:
    """Whether both are of a kind, or one is, with something in it, and the other is missing."""
    if isinstance(old, kind) and isinstance(new, kind):
        return True
    return (new is MISSING and isinstance(old, kind) and bool(old)) or (
        old is MISSING and isinstance(new, kind) and bool(new)
    )


def _same(old: Any, new: Any) -> bool:
    if old is MISSING or new is MISSING:
        return old is new
    if isinstance(old, list | Mapping) or isinstance(new, list | Mapping):
        return type(old) is type(new) and not changes(old, new)
    return same_scalar(old, new)


def patch(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Operation]:
    """The operations that turn the old document into the new one, sorted by path."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from patch(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_patch(old, new, path)
    elif old is MISSING and new is not MISSING:
        yield {"op": "add", "path": pointer(path), "value": new}
    elif new is MISSING and old is not MISSING:
        yield {"op": "remove", "path": pointer(path), "was": old}
    elif not _same(old, new):
        yield {"op": "replace", "path": pointer(path), "value": new, "was": old}


def _list_patch(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[Operation]:
    index = 0
    for left, right in edits(old, new):
        yield from patch(left, right, (*path, str(index)))
        index += right is not MISSING


def applied(document: Any, operations: list[Operation]) -> Any:
    """A patched copy. Raises StalePatch where an operation finds something else than it was made for."""
    result = copy.deepcopy(document)
    for operation in operations:
        *parents, key = segments(operation["path"])
        place = result
        for step in parents:
            place = _entry(place, step)
        _apply(place, key, operation)
    return result


def _apply(place: Any, key: str, operation: Operation) -> None:
    if isinstance(place, list) and operation["op"] == "add" and int(key) <= len(place):
        place.insert(int(key), copy.deepcopy(operation["value"]))
        return
    found, expected = _entry(place, key), operation.get("was", MISSING)
    if not isinstance(place, dict | list) or not _same(expected, found):
        raise StalePatch(f"{operation['path']}: {expected!r} expected, {found!r} found")
    at: Any = int(key) if isinstance(place, list) else key
    if operation["op"] == "remove":
        del place[at]
    else:
        place[at] = copy.deepcopy(operation["value"])


def _entry(place: Any, key: str) -> Any:
    if isinstance(place, list) and key.isdigit():
        return place[int(key)] if int(key) < len(place) else MISSING
    return place.get(key, MISSING) if isinstance(place, dict) else MISSING
