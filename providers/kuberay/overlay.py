"""`spec.provider.overrides` laid over a RayService: checked, then merged. Source: kuberay.md, weak spot 6.

Apart from `provider.overrides` because a RayService is full of lists that must merge by a key: worker
groups could not be written out again by hand, as their size is not the override's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airunway.api.overrides import FIELD
from airunway.provider import Manifest, RenderError, overrides

_MERGED_BY = {"workerGroupSpecs": "groupName", "containers": "name", "initContainers": "name"}
_REPLACED_BY = {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "ports": "containerPort"}
_TEXT_MAPS = frozenset({"rayStartParams", "labels", "annotations", "nodeSelector"})


def with_overrides(service: Manifest, given: Mapping[str, Any]) -> Manifest:
    """A RayService with overrides merged in. Raises RenderError for what must not or cannot be overridden.

    Objects merge. Worker groups and containers merge by name; variables, volumes, mounts and ports replace
    the one of the same name; other lists and values replace. Null means not given.
    """
    overrides.refuse_identity(given)
    for key in given:
        if key != "spec":
            raise RenderError(f"{FIELD}.{key}: unknown; a RayService is overridden below spec")
    merged: Manifest = _merged(service, given, FIELD)
    return merged


def _merged(base: Any, given: Any, at: str, key: str = "") -> Any:
    if given is None:
        return base
    if isinstance(base, Mapping):
        return _merged_maps(base, _expect(given, Mapping, at, "an object"), at, key)
    if isinstance(base, list):
        _expect(given, list, at, "a list")
        return _merged_lists(base, given, at, key)
    if isinstance(base, str):
        return _expect(given, str, at, "a text")
    return without_nulls(given)


def _merged_maps(base: Mapping[str, Any], given: Mapping[str, Any], at: str, key: str) -> dict[str, Any]:
    merged = dict(base)
    for name, item in given.items():
        path = f"{at}.{name}"
        if key in _TEXT_MAPS and item is not None:
            merged[name] = _expect(item, str, path, "a text")
        elif name in base:
            merged[name] = _merged(base[name], item, path, name)
        elif item is not None:
            merged[name] = _new_list(name, item, path)
    return merged


def _new_list(name: str, item: Any, at: str) -> Any:
    """A value for a key that is not rendered; the keyed lists among them are checked like others."""
    if name in _MERGED_BY or name in _REPLACED_BY:
        return _merged_lists([], _expect(item, list, at, "a list"), at, name)
    if name in _TEXT_MAPS:
        return _merged_maps({}, _expect(item, Mapping, at, "an object"), at, name)
    return without_nulls(item)


def _merged_lists(base: list[Any], given: list[Any], at: str, key: str) -> list[Any]:
    if key in _MERGED_BY:
        return _keyed(base, given, at, by=_MERGED_BY[key], closed=key == "workerGroupSpecs", combine=_merged)
    if key in _REPLACED_BY:
        return _keyed(base, given, at, by=_REPLACED_BY[key], closed=False, combine=_replaced)
    return [without_nulls(item) for item in given]


def _replaced(base: Any, given: Any, at: str) -> Any:
    return without_nulls(given)


def _keyed(
    base: list[Any],
    given: list[Any],
    at: str,
    *,
    by: str,
    closed: bool,
    combine: Callable[[Any, Any, str], Any],
) -> list[Any]:
    """Entries of both lists by the value of `by`; `closed`: only entries that are rendered may be named."""
    merged = {entry[by]: entry for entry in base}
    for index, entry in enumerate(given):
        path = f"{at}[{index}]"
        name = _expect(entry, Mapping, path, "an object").get(by)
        if not isinstance(name, str | int) or name == "":
            raise RenderError(f"{path}.{by}: needed, it says which entry is meant")
        if closed and name not in merged:
            allowed = ", ".join(map(str, merged)) or "none"
            raise RenderError(f"{path}.{by}: no group is called {name!r}; there is {allowed}")
        merged[name] = combine(merged.get(name, {}), entry, path)
    return list(merged.values())


def without_nulls(value: Any) -> Any:
    """A copy in which null, which means absent, is absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def _expect(value: Any, kind: Any, at: str, words: str) -> Any:
    if not isinstance(value, kind):
        raise RenderError(f"{at}: must be {words}")
    return value
