"""The watcher: turns changes in the cluster into signals, one watcher at a time.

It keeps no state that matters: what a first list brings is no change, and signals nobody. The fleet audit
(`workers.audit`) compares it with what the statuses say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from airunway.activities.deployment.configs import read_config
from airunway.api import names
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, NAMESPACES, Cluster, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.metrics.families import SIGNAL_QUEUE_DEPTH, register_provider
from airunway.provider.contract import Provider, UpstreamKind
from airunway.selection.cel import check_rules
from airunway.trust.policy import policy_annotations
from airunway.workers.audit.deployment_book import DeploymentBook
from airunway.workers.audit.facts import StatusFacts, UpstreamMark, uses_companions
from airunway.workers.audit.fleet import BEFORE_WE_CAME, Fleet, KnownDeployment
from airunway.workers.gateway_watch import GatewayWatch
from airunway.workers.made_watch import MadeWatch
from airunway.workers.marks import STATUS_CHANGED, ConfigMark, DeploymentMark, Readers, upstream_mark
from airunway.workers.pod_watch import PodWatch
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.upstream_kinds import (
    Announced,
    Key,
    announced_kinds,
    announced_made_kinds,
    announced_pod_label,
    key_of,
)
from airunway.workers.watch_metrics import observe_lag, show_providers, show_silence

_log = structlog.get_logger(__name__)

FIRST_LISTS_SECONDS = 5.0
MAX_CHECKED_RULES = 50  # of one config, for errors; compiling takes milliseconds each
OWNED_BY_US = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


class Watcher:
    """Follows deployments, provider configs and upstream objects of one cluster into a fleet.

    `gateway`: namespace/name of the one that the settings name.
    """

    def __init__(
        self,
        cluster: Cluster,
        providers: Mapping[str, Provider],
        signals: SignalQueue,
        *,
        cluster_name: str,
        fleet: Fleet,
        gateway: str = "",
    ) -> None:
        self._cluster, self._cluster_name = cluster, cluster_name
        self._signals = signals
        self._fleet = fleet
        self._followed: list[Reflector] = []
        """Of upstream kinds; not all of them need be installed."""
        self._book = DeploymentBook()
        self._is_following = False
        """Deployments are followed: what changes from now on may matter to them."""
        self._deployments = Reflector(cluster, DEPLOYMENTS, self._on_deployment)
        self._configs = Reflector(cluster, CONFIGS, self._on_config)
        self._namespaces = Reflector(cluster, NAMESPACES, self._on_namespace)
        self._policies: dict[str, Mapping[str, str]] = {}
        """What Namespaces say about images and models, of those that say anything."""
        fleet.are_deployments_listed = self._deployments.synced
        fleet.are_configs_listed = self._configs.synced
        installed = _kinds_of(providers)
        self._upstream = [self._reflector(kind, readers) for kind, readers in installed]
        self._announced: Announced[UpstreamKind] = Announced(
            self._follow, key_of=key_of, besides={key_of(kind) for kind, _ in installed}
        )
        self._pods = PodWatch(cluster, providers, fleet, self._on_pods, cluster_name=cluster_name)
        self._made = MadeWatch(cluster, providers, fleet, self._on_made)
        self._gateway = GatewayWatch(
            cluster, fleet, self._on_published, cluster_name=cluster_name, configured=gateway
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._announced.run_in(group)
            self._pods.announced.run_in(group)
            self._made.announced.run_in(group)
            group.create_task(self._signals.run())
            group.create_task(self._namespaces.run())
            others = [self._configs, *self._upstream, *self._pods.reflectors]
            for reflector in others:
                group.create_task(reflector.run())
            # Everything else first: then the first observation of a deployment, which its listing brings
            # about, is newer than what the first lists show. A list that cannot be had holds nothing up.
            await asyncio.wait(
                [group.create_task(reflector.synced.wait()) for reflector in others],
                timeout=FIRST_LISTS_SECONDS,
            )
            self._is_following = True
            group.create_task(self._deployments.run())
            for made in self._made.reflectors:
                group.create_task(made.run())
            group.create_task(self._gateway.run())

    async def _follow(self, kind: UpstreamKind) -> None:
        """Follow a kind of a provider that is not installed here."""
        reflector = self._reflector(kind, Readers())
        listed = (kind.kind, reflector.synced)
        try:
            await reflector.run()
        finally:
            self._fleet.listed.remove(listed)
            self._followed.remove(reflector)

    def _reflector(self, kind: UpstreamKind, readers: Readers) -> Reflector:
        handler = _UpstreamHandler(self, kind, readers)
        older = kind.versions[1:]
        reflector = Reflector(self._cluster, kind, handler, label_selector=OWNED_BY_US, older=older)
        handler.listed = reflector.synced
        self._followed.append(reflector)
        self._fleet.listed.append((kind.kind, reflector.synced))
        return reflector

    def look(self) -> None:
        """Before a scrape: what is read of the watches and of the queue, not counted."""
        SIGNAL_QUEUE_DEPTH.set(self._signals.depth)
        show_silence([self._deployments, self._configs, self._namespaces, *self._followed])
        show_providers(self._fleet.config_objects)

    # -- changes -----------------------------------------------------------------------------------

    def _on_deployment(self, change: ObjectChange) -> None:
        meta = change.object["metadata"]
        ref = DeploymentRef(cluster=self._cluster_name, namespace=meta["namespace"], name=meta["name"])
        known = self._fleet.deployments.get(ref)
        if change.type == "deleted":
            self._fleet.deployments.pop(ref, None)
            self._fleet.refs.pop(meta["uid"], None)
            self._book.gone(ref)
            self._signals.put(
                ref, ChangeHint(cause="deployment is gone", uid=meta["uid"], deleted=True, gone=True)
            )
            return
        mark, before = DeploymentMark.of(change.object), known.mark if known else None
        in_first_list = before is None and not self._deployments.synced.is_set()
        cause = "" if in_first_list else mark.change_since(before)
        facts = StatusFacts.of(change.object)
        self._book.saw(ref, change.object)
        self._fleet.deployments[ref] = KnownDeployment(mark, facts, _time_of_change(known, facts, cause))
        self._fleet.refs[mark.uid] = ref
        if cause:
            observe_lag(DEPLOYMENTS.plural, change.object)
            hint = ChangeHint(
                cause=cause,
                uid=mark.uid,
                generation=mark.generation,
                deleted=mark.deleted,
                # Seen for the first time: nobody knows who wrote the status while it was not watched.
                status_changed=cause == STATUS_CHANGED or before is None,
                status_writers=sorted(mark.writers) if cause == STATUS_CHANGED else [],
            )
            self._signals.put(ref, hint)

    def _on_config(self, change: ObjectChange) -> None:
        name = change.object["metadata"]["name"]
        configs = self._fleet.configs
        before = configs.get(name)
        if change.type == "deleted":
            configs.pop(name, None)
            self._fleet.config_objects.pop(name, None)
        else:
            self._fleet.config_objects[name] = change.object
            configs[name] = ConfigMark.of(change.object)
            register_provider(name)
        self._announced.update(name, announced_kinds(change.object) if name in configs else [])
        self._pods.update(name, announced_pod_label(change.object) if name in configs else [])
        self._made.update(name, announced_made_kinds(change.object) if name in configs else [])
        if configs.get(name) == before:
            return
        for reflector in self._followed:
            reflector.look_again()  # its operator may have been installed, and so its kinds
        self._made.look_again()
        if name in configs:
            # Hostile rules take a second each to compile; nobody waits for what is found.
            asyncio.get_running_loop().run_in_executor(None, _warn_of_dead_rules, change.object)
        if not self._is_following:
            return
        for ref, known in self._fleet.deployments.items():
            if name in known.mark.providers or not known.mark.providers or known.mark.failed:
                self._signals.put(ref, ChangeHint(cause=f"provider {name} changed"))

    def _on_namespace(self, change: ObjectChange) -> None:
        """What may run in a namespace is said by annotations that only an administrator can put there."""
        name = change.object["metadata"]["name"]
        annotations = change.object["metadata"].get("annotations") if change.type == "set" else None
        before = self._policies.pop(name, {})
        if now := policy_annotations(annotations or {}):
            self._policies[name] = now
        if before == now or not self._namespaces.synced.is_set():
            return
        for ref in self._fleet.deployments:
            if ref.namespace == name:
                self._signals.put(ref, ChangeHint(cause=f"what may run in namespace {name} changed"))

    def on_upstream(
        self, kind: UpstreamKind, readers: Readers, change: ObjectChange, *, in_first_list: bool
    ) -> None:
        """An object that a provider made has changed."""
        meta = change.object["metadata"]
        owner = _owner_of(change.object)
        if owner is None:
            return
        name, uid = owner
        before = self._fleet.upstream_mark(meta["uid"])
        mark = None
        if change.type == "deleted":
            self._fleet.drop_upstream(meta["uid"])
        else:
            mark = upstream_mark(change.object, kind=kind.kind, owner=uid, readers=readers)
            self._fleet.put_upstream(meta["uid"], mark)
        # A new object without status is the echo of our own create.
        echo = before is None and not change.object.get("status")
        if in_first_list or not self._is_following or _digest_of(mark) == _digest_of(before):
            return
        if echo and mark is not None:
            return
        if mark is not None:
            observe_lag(kind.plural, change.object)
        ref = DeploymentRef(cluster=self._cluster_name, namespace=meta["namespace"], name=name)
        self._upstream_changed(ref, f"{kind.kind} {meta['name']} {_verb(change)}")

    def _on_pods(self, ref: DeploymentRef, cause: str) -> None:
        if self._is_following:
            self._upstream_changed(ref, cause)

    def _on_made(self, ref: DeploymentRef, cause: str) -> None:
        self._upstream_changed(ref, cause)

    def _on_published(self, ref: DeploymentRef, cause: str) -> None:
        """Of the gateway; it does not count as a change that an audit waits for to settle."""
        self._signals.put(ref, ChangeHint(cause=cause, upstream_only=True, gateway=True))

    def _upstream_changed(self, ref: DeploymentRef, cause: str) -> None:
        if known := self._fleet.deployments.get(ref):
            now = asyncio.get_running_loop().time()
            self._fleet.deployments[ref] = replace(known, changed_at=now)
        self._signals.put(ref, ChangeHint(cause=cause, upstream_only=True))


class _UpstreamHandler:
    """Hands the changes of one kind on."""

    def __init__(self, watcher: Watcher, kind: UpstreamKind, readers: Readers) -> None:
        self._watcher, self._kind, self._readers = watcher, kind, readers
        self.listed = asyncio.Event()

    def __call__(self, change: ObjectChange) -> None:
        first = not self.listed.is_set()
        self._watcher.on_upstream(self._kind, self._readers, change, in_first_list=first)


def _kinds_of(providers: Mapping[str, Provider]) -> list[tuple[UpstreamKind, Readers]]:
    """Every kind once, with the providers that can read its status, because it is their first."""
    kinds = {key_of(kind): kind for provider in providers.values() for kind in reversed(provider.kinds)}
    return [(kind, _readers_of(key, providers.values())) for key, kind in kinds.items()]


def _readers_of(key: Key, providers: Iterable[Provider]) -> Readers:
    of_kind = [provider for provider in providers if key in map(key_of, provider.kinds)]
    return Readers(
        main=[provider for provider in of_kind if key_of(provider.kinds[0]) == key],
        together=[provider for provider in of_kind if uses_companions(provider)],
    )


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


def _owner_of(obj: Object) -> tuple[str, str] | None:
    """Name and uid of the deployment that an object was made for."""
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("kind") == names.DEPLOYMENT_KIND and reference.get("controller"):
            return str(reference["name"]), str(reference["uid"])
    return None


def _digest_of(mark: UpstreamMark | None) -> int | None:
    return mark.digest if mark else None


def _time_of_change(known: KnownDeployment | None, facts: StatusFacts, cause: str) -> float:
    """Now, if anything that an audit compares has changed."""
    if known is not None and known.facts == facts and not cause:
        return known.changed_at
    return asyncio.get_running_loop().time() if known or cause else BEFORE_WE_CAME


def _verb(change: ObjectChange) -> str:
    return "was deleted" if change.type == "deleted" else "changed"
