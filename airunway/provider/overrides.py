"""`spec.provider.overrides`: read, and merged into a rendered object.

What a tenant may override, and how large the result may be, is not decided here: see `guard`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from airunway.api.bounds import MAX_DEPTH, is_deeper_than
from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider.manifest import Manifest, RenderError

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
    if is_deeper_than(given, MAX_DEPTH):
        raise RenderError(f"{FIELD}: nested too deep, at most {MAX_DEPTH} levels")
    return given


def refuse_identity(overrides: Mapping[str, Any], *, at: str = FIELD) -> None:
    """Raise RenderError when overrides touch apiVersion, kind, metadata or status of the object."""
    for key in sorted(IDENTITY_KEYS & overrides.keys()):
        raise RenderError(f"{at}.{key}: cannot be overridden")


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
