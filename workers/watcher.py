"""The watcher: turns changes in the cluster into signals, one watcher at a time.

It keeps no state that matters: after a restart it signals every deployment once, and each workflow finds
out for itself whether anything is to be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from airunway.activities.deployment.configs import read_config
from airunway.api import names
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider, UpstreamKind
from airunway.selection.cel import check_rules
from airunway.workers.marks import STATUS_CHANGED, DeploymentMark, config_mark, upstream_mark
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.upstream_kinds import AnnouncedKinds, announced_kinds, key_of

_log = structlog.get_logger(__name__)

FIRST_LISTS_SECONDS = 5.0
MAX_CHECKED_RULES = 50  # of one config, for errors; compiling takes milliseconds each
OWNED_BY_US = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


class Watcher:
    """Follows deployments, provider configs and upstream objects of one cluster."""

    def __init__(
        self, cluster: Cluster, providers: Mapping[str, Provider], signals: SignalQueue, *, cluster_name: str
    ) -> None:
        self._cluster, self._cluster_name = cluster, cluster_name
        self._signals = signals
        self._deployments: dict[DeploymentRef, DeploymentMark] = {}
        self._configs: dict[str, int] = {}
        self._upstream: dict[str, int] = {}
        self._is_following = False
        """Deployments are followed: what changes from now on may matter to them."""
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
            # Everything else first: then the first observation of a deployment, which its listing brings
            # about, is newer than what the first lists show. A list that cannot be had holds nothing up.
            await asyncio.wait(
                [group.create_task(reflector.synced.wait()) for reflector in others],
                timeout=FIRST_LISTS_SECONDS,
            )
            self._is_following = True
            group.create_task(deployments.run())

    async def _follow(self, kind: UpstreamKind) -> None:
        """Follow a kind of a provider that is not installed here."""
        handler = _UpstreamHandler(self, kind, [])
        await Reflector(self._cluster, kind, handler, label_selector=OWNED_BY_US).run()

    # -- changes -----------------------------------------------------------------------------------

    def _on_deployment(self, change: ObjectChange) -> None:
        meta = change.object["metadata"]
        ref = DeploymentRef(cluster=self._cluster_name, namespace=meta["namespace"], name=meta["name"])
        if change.type == "deleted":
            self._deployments.pop(ref, None)
            self._signals.put(
                ref, ChangeHint(cause="deployment is gone", uid=meta["uid"], deleted=True, gone=True)
            )
            return
        mark, before = DeploymentMark.of(change.object), self._deployments.get(ref)
        cause = mark.change_since(before)
        self._deployments[ref] = mark
        if cause:
            hint = ChangeHint(
                cause=cause,
                uid=mark.uid,
                generation=mark.generation,
                deleted=mark.deleted,
                # Seen for the first time: nobody knows who wrote the status while no watcher ran.
                status_changed=cause == STATUS_CHANGED or before is None,
            )
            self._signals.put(ref, hint)

    def _on_config(self, change: ObjectChange) -> None:
        name = change.object["metadata"]["name"]
        before = self._configs.get(name)
        if change.type == "deleted":
            self._configs.pop(name, None)
        else:
            self._configs[name] = config_mark(change.object)
        self._announced.update(name, announced_kinds(change.object) if name in self._configs else [])
        if self._configs.get(name) == before:
            return
        if name in self._configs:
            _warn_of_dead_rules(change.object)
        if not self._is_following:
            return
        for ref, mark in self._deployments.items():
            if name in mark.providers or not mark.providers or mark.failed:
                self._signals.put(ref, ChangeHint(cause=f"provider {name} changed"))

    def on_upstream(self, kind: UpstreamKind, readers: Sequence[Provider], change: ObjectChange) -> None:
        """An object that a provider made has changed."""
        meta = change.object["metadata"]
        owner = _owner_of(change.object)
        if owner is None:
            return
        mark = None if change.type == "deleted" else upstream_mark(change.object, readers)
        before = self._upstream.get(meta["uid"])
        if mark is None:
            self._upstream.pop(meta["uid"], None)
        else:
            self._upstream[meta["uid"]] = mark
        # A new object without status is the echo of our own create.
        echo = before is None and not change.object.get("status")
        if not self._is_following or mark == before or (echo and mark is not None):
            return
        ref = DeploymentRef(cluster=self._cluster_name, namespace=meta["namespace"], name=owner)
        cause = f"{kind.kind} {meta['name']} {_verb(change)}"
        self._signals.put(ref, ChangeHint(cause=cause, upstream_only=True))


class _UpstreamHandler:
    """Hands the changes of one kind on."""

    def __init__(self, watcher: Watcher, kind: UpstreamKind, readers: Sequence[Provider]) -> None:
        self._watcher, self._kind, self._readers = watcher, kind, readers

    def __call__(self, change: ObjectChange) -> None:
        self._watcher.on_upstream(self._kind, self._readers, change)


def _kinds_of(providers: Mapping[str, Provider]) -> list[tuple[UpstreamKind, list[Provider]]]:
    """Every kind once, with the providers that can read its status, because it is their first."""
    kinds: dict[tuple[str, str], tuple[UpstreamKind, list[Provider]]] = {}
    for provider in providers.values():
        for position, kind in enumerate(provider.kinds):
            _, readers = kinds.setdefault((kind.api_version, kind.plural), (kind, []))
            if position == 0:
                readers.append(provider)
    return list(kinds.values())


def _warn_of_dead_rules(obj: Object) -> None:
    """A rule that does not compile is ignored for ever; its author should know (core.md, weak spot 12)."""
    config = read_config(obj)
    rules = config.spec.selection_rules if config and config.spec else None
    for rule in check_rules((rules or [])[:MAX_CHECKED_RULES]):
        _log.warning(
            "a selection rule can never match",
            provider=obj["metadata"]["name"],
            rule=rule.index,
            condition=rule.condition,
            error=rule.error,
        )


def _owner_of(obj: Object) -> str | None:
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("kind") == names.DEPLOYMENT_KIND and reference.get("controller"):
            return str(reference["name"])
    return None


def _verb(change: ObjectChange) -> str:
    return "was deleted" if change.type == "deleted" else "changed"
