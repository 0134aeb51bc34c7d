"""Which fields of a live object a write would change, as paths without values. Pure.

Seen as our field manager sees them: what we render and is different there, and what we own there and do not
render any more. What others own besides is none of ours.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from airunway.activities.upstream.ownership import holds_quantities, is_ours_or_former, says
from airunway.activities.upstream.server_defaults import has_defaults, is_default

MAX_PATHS = 50
MAX_MANAGERS = 5
MAX_PATH_LENGTH = 200
_METADATA = ("labels", "annotations", "ownerReferences")
_BOOKKEEPING = frozenset({"apiVersion", "kind", "metadata", "status"})


def changed_fields(live: Mapping[str, Any], desired: Mapping[str, Any], *, field_manager: str) -> list[str]:
    """At most 50 paths, e.g. `spec.replicas`, `spec.containers[name=main].image`.

    Those of a Secret end at its top-level field.
    """
    paths = dict.fromkeys([*_differing(live, desired), *_dropped(live, desired, field_manager)])
    if desired.get("kind") == "Secret":
        paths = dict.fromkeys(path if path.startswith("metadata") else path.split(".")[0] for path in paths)
    return [path[:MAX_PATH_LENGTH] for path in list(paths)[:MAX_PATHS]]


def changed_by(
    live: Mapping[str, Any], paths: Sequence[str], *, field_manager: str, is_taken_over: bool = False
) -> list[str]:
    """The field managers of others that own any of these fields, or something within them, by name.

    `is_taken_over`: a controller before us owns nothing any more, unless it still writes.
    """
    found = set()
    for entry in live["metadata"].get("managedFields") or ():
        ours = entry.get("manager") == field_manager
        if entry.get("subresource") == "status" or ours:
            continue
        if not is_taken_over and is_ours_or_former(entry, field_manager):
            continue
        owned = list(_leaves(entry.get("fieldsV1") or {}, ""))
        if any(overlap(path, other) for path in paths for other in owned):
            found.add(str(entry.get("manager"))[:MAX_PATH_LENGTH])
    return sorted(found)[:MAX_MANAGERS]


def overlap(path: str, other: str) -> bool:
    """Whether one path is the other, or within it."""
    shorter, longer = sorted((path, other), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


def _leaves(fields: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths of what an entry of managedFields owns, as `changed_fields` writes them."""
    inner = {key: value for key, value in fields.items() if key[:2] in ("f:", "k:")}
    if not inner and path:
        yield path
    for key, value in inner.items():
        kind, _, rest = key.partition(":")
        if kind == "f":
            yield from _leaves(value, _joined(path, rest))
            continue
        keys = json.loads(rest)
        yield from _leaves(value, f"{path}[name={keys['name']}]" if "name" in keys else path)


# -- what we render and is different there --------------------------------------------------------------


def _differing(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    wanted = {key: value for key, value in desired.items() if key not in _BOOKKEEPING}
    yield from _compare(live, wanted, "")
    meta = {key: value for key, value in desired["metadata"].items() if key in _METADATA}
    yield from _compare(live["metadata"], meta, "metadata")


def _compare(live: Any, desired: Any, path: str, *, quantity: bool = False) -> Iterator[str]:
    if says(live, desired, quantity=quantity):
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for key, value in desired.items():
            holds = quantity or holds_quantities(key)
            yield from _compare(live.get(key), value, _joined(path, key), quantity=holds)
    elif _are_alike(live, desired):
        yield from _compare_items(live, desired, path)
    else:
        yield path


def _are_alike(live: Any, desired: Any) -> bool:
    """Whether two lists can be compared item by item."""
    if not isinstance(live, list) or not isinstance(desired, list):
        return False
    items = [*live, *desired]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return False
    return len(live) == len(desired) or all(_name_of(item) for item in items)


def _compare_items(live: Sequence[Any], desired: Sequence[Any], path: str) -> Iterator[str]:
    if not all(_name_of(item) for item in (*live, *desired)):
        for index, (left, right) in enumerate(zip(live, desired, strict=True)):
            yield from _compare(left, right, f"{path}[{index}]")
        return
    there = {_name_of(item): item for item in live}
    wanted = {_name_of(item): item for item in desired}
    for name, item in wanted.items():
        if name in there:
            yield from _compare(there[name], item, f"{path}[name={name}]")
        else:
            yield f"{path}[name={name}]"
    # Without a list key in its schema the list is ours as a whole.
    yield from (f"{path}[name={name}]" for name in there if name not in wanted)
    if list(there) != list(wanted) and there.keys() == wanted.keys():
        yield path  # their order


def _name_of(item: Any) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else ""


def _joined(path: str, key: str) -> str:
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def changed_by_write(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a write changed, as the API server answered it: likewise, what it took away besides."""
    paths = dict.fromkeys([*_differing(before, after), *_differing(after, before)])
    return list(paths)


def with_paths_of(live: Any, desired: Any, paths: Collection[str], at: str = "") -> Any:
    """The live object, and what is desired at paths that `changed_fields` named."""
    if at in paths and at:
        return desired
    if not any(path.startswith(at) for path in paths):
        return live
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        taken = {
            key: with_paths_of(live.get(key), desired[key], paths, _joined(at, key))
            for key in desired
            if key != "status"
        }
        return {**live, **{key: value for key, value in taken.items() if value is not None or key in live}}
    if isinstance(live, list) and isinstance(desired, list):
        return _items_with(live, desired, paths, at)
    return live


def _items_with(live: Sequence[Any], desired: Sequence[Any], paths: Collection[str], at: str) -> list[Any]:
    if not all(_name_of(item) for item in (*live, *desired)):
        pairs = zip(live, desired, strict=False)
        return [with_paths_of(left, right, paths, f"{at}[{n}]") for n, (left, right) in enumerate(pairs)]
    wanted, there = {_name_of(item): item for item in desired}, {_name_of(item) for item in live}

    def taken(item: Any) -> Any:
        name = _name_of(item)
        return with_paths_of(item, wanted[name], paths, f"{at}[name={name}]") if name in wanted else item

    back = (item for name, item in wanted.items() if name not in there and f"{at}[name={name}]" in paths)
    return [*map(taken, live), *back]


# -- what we own there and do not render any more -------------------------------------------------------


def _dropped(live: Mapping[str, Any], desired: Mapping[str, Any], field_manager: str) -> Iterator[str]:
    for entry in live["metadata"].get("managedFields") or ():
        # Fields of another version are called otherwise: the API server compares those when it applies.
        in_this_version = entry.get("apiVersion", desired.get("apiVersion")) == desired.get("apiVersion")
        if in_this_version and is_ours_or_former(entry, field_manager):
            # What a create gave us and we never set stays as it is when we give it up.
            own = live if has_defaults(live) else None
            yield from _not_wanted(entry.get("fieldsV1") or {}, desired, "", own)


def _not_wanted(fields: Mapping[str, Any], desired: Any, path: str, live: Any) -> Iterator[str]:
    """Paths of an entry of managedFields that the desired value has not.

    `live`: the same part of the live object, where the API server's defaults are known; else None.
    """
    for key, inner in fields.items():
        kind, _, rest = key.partition(":")
        if kind == "f" and (path or rest not in _BOOKKEEPING or rest == "metadata"):
            value, found = _field(desired, rest), _field(live, rest)
            if value is _MISSING and is_default(rest, live):
                continue
            there = _joined(path, rest)
        elif kind == "k":
            keys = json.loads(rest)
            value, found = _item(desired, keys), _item(live, keys)
            there = f"{path}[name={keys['name']}]" if "name" in keys else path
        else:
            continue  # the item itself, or a value
        if value is _MISSING:
            yield there
        elif inner and isinstance(value, (Mapping, list)):
            yield from _not_wanted(inner, value, there, found)


class _Missing:
    pass


_MISSING = _Missing()


def _field(desired: Any, name: str) -> Any:
    return desired.get(name, _MISSING) if isinstance(desired, Mapping) else _MISSING


def _item(desired: Any, keys: Mapping[str, Any]) -> Any:
    if not isinstance(desired, list):
        return _MISSING
    matching = (
        item
        for item in desired
        if isinstance(item, Mapping)
        and all(item.get(key, value) == value for key, value in keys.items())
        and any(key in item for key in keys)
    )
    return next(matching, _MISSING)
