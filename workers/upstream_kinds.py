"""The kinds a provider creates and the label of its pods, said on its config and followed from there.

The watcher need not have a provider's package: whoever registers a config says on it what to watch. What is
announced is only ever read, with the watcher's own rights and by the label of objects of this system.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any, Generic, TypeVar

import structlog

from airunway.api import names
from airunway.clients.kubernetes import Kind, Object
from airunway.provider.contract import UpstreamKind

_log = structlog.get_logger(__name__)

Key = tuple[str, str]
T = TypeVar("T")

# Both become parts of a path, so nothing else than what Kubernetes allows there is taken.
_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+")
_PLURAL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# It becomes a selector.
_LABEL = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


MAX_OLDER_VERSIONS = 8
"""Each is asked for whenever the kind is listed."""


def key_of(kind: Kind) -> Key:
    """What makes one kind different from another in a path."""
    return kind.api_version, kind.plural


def kinds_annotation(kinds: Iterable[UpstreamKind]) -> str:
    """The value of the annotation for a provider's kinds."""
    return json.dumps([_entry_of(kind) for kind in kinds], separators=(",", ":"))


def _entry_of(kind: UpstreamKind) -> dict[str, Any]:
    older = {"olderVersions": list(kind.older)} if kind.older else {}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "plural": kind.plural, **older}


def announced_kinds(config: Object) -> list[UpstreamKind]:
    """The kinds a config announces; what cannot be read is left out, and said in the log."""
    return _announced(config, names.ANNOTATION_UPSTREAM_KINDS)


def announced_made_kinds(config: Object) -> list[UpstreamKind]:
    """The kinds that its operator makes of those, as a config announces them."""
    return _announced(config, names.ANNOTATION_MADE_KINDS)


def _announced(config: Object, annotation: str) -> list[UpstreamKind]:
    meta = config["metadata"]
    text = (meta.get("annotations") or {}).get(annotation, "")
    if not text:
        return []
    try:
        entries = json.loads(text)
        found = [_kind_from(entry) for entry in entries]
    except (ValueError, TypeError, KeyError) as err:
        _log.warning("upstream kinds of a provider cannot be read", provider=meta["name"], error=repr(err))
        return []
    return found


def _kind_from(entry: Any) -> UpstreamKind:
    kind = UpstreamKind(
        api_version=entry["apiVersion"],
        kind=str(entry["kind"]),
        plural=entry["plural"],
        older=tuple(entry.get("olderVersions", ())),
    )
    for version in kind.versions:
        if not (_API_VERSION.fullmatch(version.api_version) and _PLURAL.fullmatch(kind.plural)):
            raise ValueError(f"{version.api_version}, {kind.plural} is no kind")
    if len(kind.older) > MAX_OLDER_VERSIONS:
        raise ValueError(f"{kind.plural} has more than {MAX_OLDER_VERSIONS} older versions")
    return kind


def announced_pod_label(config: Object) -> list[str]:
    """The label of its pods that a config announces; none where it announces what is no label."""
    label = (config["metadata"].get("annotations") or {}).get(names.ANNOTATION_POD_LABEL, "")
    return [label] if isinstance(label, str) and _LABEL.fullmatch(label) else []


class Announced(Generic[T]):
    """Follows everything that is announced once, for as long as some config announces it.

    `key_of`: what makes one different from another; `besides`: those that are followed anyway. Updates count
    only after `run_in`.
    """

    def __init__(
        self,
        follow: Callable[[T], Coroutine[Any, Any, None]],
        *,
        key_of: Callable[[T], Hashable],
        besides: Iterable[Hashable] = (),
    ) -> None:
        self._follow, self._key_of = follow, key_of
        self._besides = frozenset(besides)
        self._by_config: dict[str, list[T]] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def run_in(self, group: asyncio.TaskGroup) -> None:
        """Run the followers as tasks of this group."""
        self._group = group

    @property
    def followed(self) -> frozenset[Hashable]:
        """What is followed now because a config announces it."""
        return frozenset(self._tasks)

    def update(self, config: str, announced: list[T]) -> None:
        """Take note of what a config announces now; nothing when it is gone."""
        if announced == self._by_config.get(config, []) or self._group is None:
            return
        self._by_config[config] = announced
        if not announced:
            del self._by_config[config]
        wanted = {self._key_of(entry): entry for listed in self._by_config.values() for entry in listed}
        for key in self._tasks.keys() - wanted.keys():
            self._tasks.pop(key).cancel()
        for key in wanted.keys() - self._tasks.keys() - self._besides:
            self._tasks[key] = self._group.create_task(self._follow(wanted[key]), name=f"follow {key}")
            _log.info("following what a provider announces", provider=config, announced=str(wanted[key]))
