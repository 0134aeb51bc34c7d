"""`spec.provider.overrides`: read, checked again, and merged into a rendered object.

Admission refuses the keys of `airunway.api.overrides` already. They are checked here once more because
webhooks can be off, and because these keys would lift the limits that admission puts on a deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD, PRIVILEGE_KEYS, SIZING_KEYS
from airunway.provider.contract import Manifest, RenderError

IDENTITY_KEYS = frozenset({"apiVersion", "kind", "metadata", "status"})
"""Root keys that would make the object another one; refused whatever their value is."""

ListMerge = Callable[[str, Sequence[Any], Sequence[Any]], list[Any]]
"""(key, rendered list, given list) -> the list to take."""


def overrides_of(deployment: ModelDeployment) -> dict[str, Any]:
    """The overrides as an object; empty when absent. Raises RenderError for any other JSON value."""
    provider = deployment.spec.provider
    given = provider.overrides if provider else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RenderError(f"{FIELD}: must be a JSON object")
    return given


def refuse_identity(overrides: Mapping[str, Any], *, at: str = FIELD) -> None:
    """Raise RenderError when overrides touch apiVersion, kind, metadata or status of the object."""
    for key in sorted(IDENTITY_KEYS & overrides.keys()):
        raise RenderError(f"{at}.{key}: cannot be overridden")


def refuse_keys(
    overrides: Any,
    *,
    privilege: frozenset[str] = PRIVILEGE_KEYS,
    sizing: frozenset[str] = SIZING_KEYS,
) -> None:
    """Raise RenderError for the first denied key at any depth, also inside lists (crds.md §4.4)."""
    for path, key in key_paths(overrides):
        if key in privilege:
            raise RenderError(f"{path}: not allowed for security reasons")
        if key in sizing:
            raise RenderError(f"{path}: not allowed, it can bypass admission resource limits")


def refuse_host_paths(overrides: Any) -> None:
    """Raise RenderError for a volume of the node: it reads and writes the node's own files."""
    for path, key in key_paths(overrides):
        if key == "hostPath":
            raise RenderError(f"{path}: volumes of the node are not allowed")


def key_paths(value: Any, at: str = FIELD) -> Iterator[tuple[str, str]]:
    """Every key of a JSON value with its path, maps and lists at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            path = f"{at}.{key}"
            yield path, key
            yield from key_paths(item, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from key_paths(item, f"{at}[{index}]")


def _replace(key: str, rendered: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    return list(given)


def merge(
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    *,
    null_deletes: bool,
    merge_list: ListMerge = _replace,
) -> Manifest:
    """`overrides` laid over `base`: objects merge, everything else replaces. Neither input is changed.

    `null_deletes`: null removes the key (KAITO); otherwise null replaces like a scalar.
    """
    merged = dict(base)
    for key, value in overrides.items():
        current = merged.get(key)
        if value is None and null_deletes:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(current, Mapping):
            merged[key] = merge(current, value, null_deletes=null_deletes, merge_list=merge_list)
        elif isinstance(value, list) and isinstance(current, list):
            merged[key] = merge_list(key, current, value)
        elif isinstance(value, Mapping) and null_deletes:
            merged[key] = merge({}, value, null_deletes=True, merge_list=merge_list)
        else:
            merged[key] = value
    return merged


def merge_by_name(keys: Iterable[str]) -> ListMerge:
    """A ListMerge that merges entries of equal `name` in the lists called `keys`; others replace.

    A named entry that is not rendered is appended, so an override can add a sidecar. A list with an entry
    without a name replaces, as everywhere else.
    """
    by_name = frozenset(keys)

    def merge_list(key: str, rendered: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        named = all(isinstance(entry, Mapping) and entry.get("name") for entry in given)
        if key not in by_name or not named:
            return list(given)
        merged = {entry["name"]: entry for entry in rendered}
        for entry in given:
            base = merged.get(entry["name"], {})
            merged[entry["name"]] = merge(base, entry, null_deletes=False)
        return list(merged.values())

    return merge_list
