"""The watcher: turns changes in the cluster into signals, one watcher at a time.

It keeps no state that matters: after a restart it signals every deployment once, and each workflow finds
out for itself whether anything is to be done. What it remembers of each object is only a mark, to tell news
from the echo of our own writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from airunway.activities.deployment.activities import read_config
from airunway.api import names
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster, Object
from airunway.clients.reflector import Change, Reflector
from airunway.messages.deployment import DeploymentRef
from airunway.messages.deployment_workflow import LookAgain
from airunway.provider.contract import Provider, UpstreamKind
from airunway.selection.cel import check_rules
from airunway.workers.signal_queue import Signals
from airunway.workers.upstream_kinds import AnnouncedKinds, announced_kinds, key_of

_log = structlog.get_logger(__name__)

FIRST_LISTS_SECONDS = 5.0
STATUS_CHANGED = "status was changed by somebody else"
RULES_LOOKED_AT = 50  # of one config, for errors; compiling takes milliseconds each
OWNED_BY_US = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


@dataclass(frozen=True, slots=True)
class DeploymentMark:
    """What of a deployment makes news. `providers`: in spec and status; empty while it waits for one."""

    uid: str
    generation: int
    deleted: bool
    annotations: int
    providers: frozenset[str]
    failed: bool
    writers: frozenset[str]
    """Others who own something in the status."""
    told: frozenset[str]
    """Parts of the status that are there for good once we wrote them."""

    @classmethod
    def of(cls, obj: Object) -> DeploymentMark:
        """The mark of a deployment."""
        meta, status = obj["metadata"], obj.get("status") or {}
        named = (obj.get("spec", {}).get("provider") or {}).get("name")
        recorded = (status.get("provider") or {}).get("name")
        return cls(
            uid=meta["uid"],
            generation=meta.get("generation", 0),
            deleted="deletionTimestamp" in meta,
            annotations=_digest(meta.get("annotations")),
            providers=frozenset(name for name in (named, recorded) if name),
            failed=status.get("phase") == "Failed",
            writers=frozenset(_status_writers(meta)),
            told=frozenset(_told(status)),
        )

    def news_since(self, before: DeploymentMark | None) -> str:
        """Why this is worth a look, or empty: our own status writes are not."""
        if before is None or before.uid != self.uid:
            return "deployment seen"
        if self.deleted and not before.deleted:
            return "deployment is being deleted"
        if self.generation != before.generation:
            return f"generation {self.generation}"
        if self.annotations != before.annotations:
            return "annotations changed"
        if before.told - self.told or self.writers - before.writers:
            return STATUS_CHANGED
        return ""


class Watcher:
    """Follows deployments, provider configs and upstream objects of one cluster."""

    def __init__(self, cluster: Cluster, providers: Mapping[str, Provider], signals: Signals) -> None:
        self._cluster = cluster
        self._signals = signals
        self._deployments: dict[tuple[str, str], DeploymentMark] = {}
        self._configs: dict[str, int] = {}
        self._upstream: dict[str, int] = {}
        self._looking = False
        """Deployments are being looked at: what is listed from now on may be news to them."""
        self._reflectors = [
            Reflector(cluster, DEPLOYMENTS, self._on_deployment),
            Reflector(cluster, CONFIGS, self._on_config),
        ]
        installed = _kinds_of(providers)
        for kind, readers in installed:
            handler = _UpstreamHandler(self, kind, readers)
            self._reflectors.append(Reflector(cluster, kind, handler, label_selector=OWNED_BY_US))
        self._announced = AnnouncedKinds(self._follow, besides={key_of(kind) for kind, _ in installed})

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._announced.run_in(group)
            group.create_task(self._signals.run())
            deployments, *others = self._reflectors
            for reflector in others:
                group.create_task(reflector.run())
            # Everything else first: then a deployment's first look, which its listing brings about, is newer
            # than what the first lists show. A list that cannot be had holds nothing up.
            await asyncio.wait(
                [group.create_task(reflector.synced.wait()) for reflector in others],
                timeout=FIRST_LISTS_SECONDS,
            )
            self._looking = True
            group.create_task(deployments.run())

    async def _follow(self, kind: UpstreamKind) -> None:
        """Follow a kind of a provider that is not installed here."""
        handler = _UpstreamHandler(self, kind, [])
        await Reflector(self._cluster, kind, handler, label_selector=OWNED_BY_US).run()

    # -- what became of what -----------------------------------------------------------------------

    def _on_deployment(self, change: Change) -> None:
        meta = change.object["metadata"]
        key = (meta["namespace"], meta["name"])
        ref = DeploymentRef(namespace=key[0], name=key[1])
        if change.type == "deleted":
            self._deployments.pop(key, None)
            self._signals.put(
                ref, LookAgain(cause="deployment is gone", uid=meta["uid"], deleted=True, gone=True)
            )
            return
        mark, before = DeploymentMark.of(change.object), self._deployments.get(key)
        news = mark.news_since(before)
        self._deployments[key] = mark
        if news:
            hint = LookAgain(
                cause=news,
                uid=mark.uid,
                generation=mark.generation,
                deleted=mark.deleted,
                # Seen for the first time: nobody knows who wrote the status while no watcher looked.
                status_changed=news == STATUS_CHANGED or before is None,
            )
            self._signals.put(ref, hint)

    def _on_config(self, change: Change) -> None:
        name = change.object["metadata"]["name"]
        before = self._configs.get(name)
        if change.type == "deleted":
            self._configs.pop(name, None)
        else:
            self._configs[name] = _config_mark(change.object)
        self._announced.update(name, announced_kinds(change.object) if name in self._configs else [])
        if self._configs.get(name) == before:
            return
        if name in self._configs:
            _tell_of_dead_rules(change.object)
        if not self._looking:
            return
        for (namespace, deployment), mark in self._deployments.items():
            if name in mark.providers or not mark.providers or mark.failed:
                ref = DeploymentRef(namespace=namespace, name=deployment)
                self._signals.put(ref, LookAgain(cause=f"provider {name} changed"))

    def on_upstream(self, kind: UpstreamKind, readers: Sequence[Provider], change: Change) -> None:
        """An object that a provider made has changed."""
        meta = change.object["metadata"]
        owner = _owner_of(change.object)
        if owner is None:
            return
        mark = None if change.type == "deleted" else _upstream_mark(change.object, readers)
        before = self._upstream.get(meta["uid"])
        if mark is None:
            self._upstream.pop(meta["uid"], None)
        else:
            self._upstream[meta["uid"]] = mark
        # A new object without status is the echo of our own create.
        echo = before is None and not change.object.get("status")
        if not self._looking or mark == before or (echo and mark is not None):
            return
        ref = DeploymentRef(namespace=meta["namespace"], name=owner)
        cause = f"{kind.kind} {meta['name']} {_verb(change)}"
        self._signals.put(ref, LookAgain(cause=cause, upstream_only=True))


class _UpstreamHandler:
    """Hands the changes of one kind on."""

    def __init__(self, watcher: Watcher, kind: UpstreamKind, readers: Sequence[Provider]) -> None:
        self._watcher, self._kind, self._readers = watcher, kind, readers

    def __call__(self, change: Change) -> None:
        self._watcher.on_upstream(self._kind, self._readers, change)


def _kinds_of(providers: Mapping[str, Provider]) -> list[tuple[UpstreamKind, list[Provider]]]:
    """Every kind once, with the providers that can read its status, because they follow it."""
    kinds: dict[tuple[str, str], tuple[UpstreamKind, list[Provider]]] = {}
    for provider in providers.values():
        for position, kind in enumerate(provider.kinds):
            _, readers = kinds.setdefault((kind.api_version, kind.plural), (kind, []))
            if position == 0:
                readers.append(provider)
    return list(kinds.values())


def _tell_of_dead_rules(obj: Object) -> None:
    """A rule that does not compile is ignored for good: its author should hear (core.md, weak spot 12)."""
    config = read_config(obj)
    rules = config.spec.selection_rules if config and config.spec else None
    for rule in check_rules((rules or [])[:RULES_LOOKED_AT]):
        _log.warning(
            "a selection rule can never match",
            provider=obj["metadata"]["name"],
            rule=rule.index,
            condition=rule.condition,
            error=rule.error,
        )


def _config_mark(obj: Object) -> int:
    status = obj.get("status") or {}
    annotations = obj["metadata"].get("annotations") or {}
    return _digest([obj.get("spec"), bool(status.get("ready")), annotations.get(names.ANNOTATION_TASK_QUEUE)])


def _upstream_mark(obj: Object, readers: Sequence[Provider]) -> int:
    """What of an upstream object makes news: its content, and its status in a deployment's words.

    The raw status changes with every probe and time stamp; the translated one only when it matters.
    """
    meta = obj["metadata"]
    status: Any = obj.get("status")
    if readers:
        # Unreadable, however a provider fails on it: then every change is news, and its step says why.
        with contextlib.suppress(Exception):
            status = [reader.read_status(obj).model_dump(mode="json") for reader in readers]
    content = [meta.get("generation"), meta.get("labels"), meta.get("annotations")]
    return _digest([content, "deletionTimestamp" in meta, status])


def _status_writers(meta: Object) -> Iterator[str]:
    for entry in meta.get("managedFields") or []:
        if entry.get("subresource") == "status" and entry.get("manager") != names.STATUS_FIELD_MANAGER:
            yield str(entry.get("manager"))


def _told(status: Object) -> Iterator[str]:
    yield from (key for key in ("phase", "provider", "engine") if status.get(key))
    yield from (str(entry.get("type")) for entry in status.get("conditions") or [])


def _owner_of(obj: Object) -> str | None:
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("kind") == names.DEPLOYMENT_KIND and reference.get("controller"):
            return str(reference["name"])
    return None


def _verb(change: Change) -> str:
    return "was deleted" if change.type == "deleted" else "changed"


def _digest(value: Any) -> int:
    return hash(json.dumps(value, sort_keys=True))
