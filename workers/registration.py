"""A provider's InferenceProviderConfig: registered at start, kept fresh by heartbeats, unready at the end.

Source: crds.md §7.2. Fields and conditions of others are kept (crds.md, weak spot 8); our own annotations are
repaired with every heartbeat, whoever changed them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import structlog

from airunway.api import names
from airunway.api.conditions import Verdict, completed, condition, conditions_of, find_condition, rfc3339
from airunway.api.provider_worker import WORKER_ALIVE
from airunway.clients.backoff import Backoff, retry
from airunway.clients.errors import ApiError, Conflict, error_text
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIGS, JSON_PATCH, Cluster, Object
from airunway.clients.reflector import Reflector
from airunway.provider.contract import Provider, UpstreamFacts, UpstreamHealth, UpstreamKind
from airunway.workers.heartbeats import ALIVE
from airunway.workers.upstream_kinds import kinds_annotation

_log = structlog.get_logger(__name__)

# While a provider cannot be used it is probed more often, so that deployments do not wait a whole
# heartbeat for an operator that has just become ready.
UNREADY_INTERVAL_SECONDS = 2.0
REACTION_SECONDS = 3.0
"""From what somebody else writes to our answer: a controller that writes it again at once is not raced."""
FIRST_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 10.0
PROBE_TIMEOUT_SECONDS = 10.0
UNKNOWN_VERSION = "dev"


class Registrar:
    """Keeps one provider's config. Run one task of it for each provider that this process serves."""

    def __init__(
        self, cluster: Cluster, provider: Provider, *, task_queue: str, heartbeat: timedelta
    ) -> None:
        self._cluster = cluster
        self._provider = provider
        self._task_queue = task_queue
        self._heartbeat = heartbeat
        self._last_beat = ""
        self._told: UpstreamHealth | None = None
        """What was written last, and until when that will do."""
        self._told_until = 0.0
        self._changed = asyncio.Event()
        """Somebody wrote the config, perhaps this worker itself."""
        self._config = Reflector(
            cluster, CONFIGS, lambda _: self._changed.set(), field_selector=f"metadata.name={provider.name}"
        )
        self.registered = asyncio.Event()

    async def run(self) -> None:
        """Register, then heartbeat until cancelled; say that the provider is away when it is."""
        following: asyncio.Task[None] | None = None
        try:
            await retry(
                self.register,
                on=(Exception,),
                backoff=Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS),
                failed=lambda err, _: self._report(err, "provider not registered yet; trying again"),
            )
            self.registered.set()
            following = asyncio.create_task(self._config.run())
            while True:
                ready = False
                try:
                    ready = (await self._beat_if_due()).ready
                except Exception as err:
                    self._report(err, "heartbeat not written; trying again")
                usual = self._heartbeat.total_seconds()
                # Out of step with a second worker of the provider: by the time of the last beat each knows,
                # when it stops, whether the other serves on.
                usual *= random.uniform(0.8, 1)
                if ready:
                    await self._until_due(usual)
                else:
                    await asyncio.sleep(min(UNREADY_INTERVAL_SECONDS, usual))
        finally:
            if following is not None:
                following.cancel()
            with contextlib.suppress(ApiError, asyncio.CancelledError):
                await asyncio.shield(self.sign_off())

    async def _until_due(self, seconds: float) -> None:
        """Sleep, but for no longer than others agree that the provider is ready.

        An installer that took the operator away says so, and brings it back perhaps.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.sleep(REACTION_SECONDS)
                while await self._is_agreed():
                    await self._changed.wait()
                    await asyncio.sleep(REACTION_SECONDS)
                self._told = None  # somebody else spoke since

    async def _is_agreed(self) -> bool:
        """Whether the config says of the provider what this worker does; yes where it cannot be read."""
        self._changed.clear()  # before it is read: what is written from now on is looked at again
        try:
            live = await self._cluster.find(CONFIGS, self._provider.name)
        except ApiError:
            return True
        if live is None or (live.get("status") or {}).get("ready") is not True:
            return False
        return self._says_ours(live) and bool(_worker_alive(live))

    async def register(self) -> None:
        """Create the config, or bring its spec and our annotations up to date; no write when they are."""
        provider = self._provider
        registration = provider.registration()
        spec, annotations = dict(registration.spec), self._annotations
        live = await self._cluster.find(CONFIGS, provider.name)
        if live is None:
            body = {
                "apiVersion": names.API_VERSION,
                "kind": names.CONFIG_KIND,
                "metadata": {"name": provider.name, "annotations": annotations},
                "spec": spec,
            }
            # By an apply, which names it: so the right to create can be limited to this one.
            await self._cluster.apply(CONFIGS, body, field_manager=names.FIELD_MANAGER)
            _log.info("provider registered", provider=provider.name)
            return
        rules = (live.get("spec") or {}).get("selectionRules")
        if registration.keeps_rules and rules:
            spec["selectionRules"] = rules
        merged = {**(live["metadata"].get("annotations") or {}), **annotations}
        if live.get("spec") == spec and merged == live["metadata"].get("annotations"):
            return
        await self._change(live, {"/metadata/annotations": merged, "/spec": spec})
        _log.info("provider registration renewed", provider=provider.name)

    @cached_property
    def _annotations(self) -> dict[str, str]:
        made = self._provider.operator_objects
        return {
            **self._provider.registration().annotations,
            names.ANNOTATION_TASK_QUEUE: self._task_queue,
            names.ANNOTATION_UPSTREAM_KINDS: kinds_annotation(self._provider.kinds),
            names.ANNOTATION_POD_LABEL: self._provider.pod_label,
            **({names.ANNOTATION_MADE_KINDS: kinds_annotation([made.kind])} if made is not None else {}),
        }

    def _says_ours(self, live: Object) -> bool:
        """Whether every annotation of ours is as we say it."""
        return self._annotations.items() <= (live["metadata"].get("annotations") or {}).items()

    async def _repair_annotations(self, live: Object) -> None:
        """Put back what somebody changed. The spec may be an administrator's: it waits for the next start."""
        if self._says_ours(live):
            return
        merged = {**(live["metadata"].get("annotations") or {}), **self._annotations}
        await self._change(live, {"/metadata/annotations": merged})
        _log.warning(
            "annotations of a provider's config were changed; put back", provider=self._provider.name
        )

    async def _change(self, live: Object, values: Mapping[str, Any]) -> None:
        """Replace parts of the config as it was read. Raises Conflict."""
        version = live["metadata"]["resourceVersion"]
        patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
        patch += [{"op": "add", "path": path, "value": value} for path, value in values.items()]
        await self._cluster.patch(CONFIGS, self._provider.name, patch, content_type=JSON_PATCH)

    async def _beat_if_due(self) -> UpstreamHealth:
        """Probe, and write the status when it is news, or time for a heartbeat."""
        health, now = await self._probe(), time.monotonic()
        if self._told != health or now >= self._told_until:
            await self._write(health)
            self._told, self._told_until = health, now + self._heartbeat.total_seconds() * 0.8
        return health

    async def beat(self) -> UpstreamHealth:
        """Probe the upstream operator and write the status. Raises ApiError when it cannot be written."""
        health = await self._probe()
        await self._write(health)
        return health

    async def _probe(self) -> UpstreamHealth:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                return self._provider.health(await self.facts())
        except (ApiError, TimeoutError) as err:
            condition = self._provider.health(UpstreamFacts()).condition
            return UpstreamHealth(
                ready=False,
                reason="ProbeFailed",
                message=f"the upstream operator could not be looked at: {str(err) or 'timed out'}",
                condition=condition,
            )

    async def facts(self) -> UpstreamFacts:
        """What the cluster serves now of the provider's kinds, and its operator's Deployments."""
        kinds = [kind for kind in self._provider.kinds if not kind.builtin]
        served = await asyncio.gather(*(self._served(kind) for kind in kinds))
        deployments: list[Mapping[str, Any]] = []
        if self._provider.operator_selector:
            listing = await self._cluster.listing(
                APPS_DEPLOYMENTS, label_selector=self._provider.operator_selector
            )
            deployments = list(listing.items)
        return UpstreamFacts(kinds=[kind for found in served for kind in found], deployments=deployments)

    async def _served(self, kind: UpstreamKind) -> list[UpstreamKind]:
        versions = await self._cluster.discovery.served_versions(kind.group)
        found = []
        for served in versions:
            api_version = f"{kind.group}/{served}"
            kinds = await self._cluster.discovery.served_kinds(api_version)
            if kind.kind in kinds:
                found.append(UpstreamKind(api_version=api_version, kind=kind.kind, plural=kinds[kind.kind]))
        return found

    async def sign_off(self) -> None:
        """Say that the provider takes no new deployments, at an orderly stop."""
        condition = self._provider.health(UpstreamFacts()).condition
        words = "the provider's worker was stopped"
        away = UpstreamHealth(ready=False, reason="Unregistered", message=words, condition=condition)
        await self._write(away, alive=False)
        live = await self._cluster.find(CONFIGS, self._provider.name)
        if live is None or _worker_alive(live) == "True":
            return  # another worker of the provider serves on
        kept = dict(live["metadata"].get("annotations") or {})
        if kept.pop(names.ANNOTATION_TASK_QUEUE, None) == self._task_queue:
            # Whoever serves it next may be another kind of controller.
            await self._change(live, {"/metadata/annotations": kept})

    async def _write(self, health: UpstreamHealth, *, alive: bool = True) -> None:
        live = await self._cluster.find(CONFIGS, self._provider.name)
        if not alive and ((live or {}).get("status") or {}).get("lastHeartbeat") != self._last_beat:
            return  # deleted, or another worker of this provider heartbeats since: it serves on
        if live is None:
            # Somebody deleted the config: this worker is alive, so it is registered again.
            await self.register()
        elif alive:
            with contextlib.suppress(Conflict):  # the next heartbeat does it
                await self._repair_annotations(live)
        now = datetime.now(UTC)
        reason, message = (ALIVE, "") if alive else (health.reason, health.message)
        reported = [condition(WORKER_ALIVE, "True" if alive else "False", reason, message)]
        if health.condition:
            ready: Verdict = "True" if health.ready else "False"
            reported.append(condition(health.condition, ready, health.reason, health.message))
        before = conditions_of(live or {})
        conditions = [completed(entry, before, now=now).dump() for entry in reported]
        status: Object = {
            "ready": health.ready,
            "version": f"{self._provider.name}-provider:{self._provider.version or UNKNOWN_VERSION}",
            "lastHeartbeat": rfc3339(now),
            "upstreamCRDVersion": health.crd_version or self._provider.crd_version,
            "conditions": conditions,
        }
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.CONFIG_KIND,
            "metadata": {"name": self._provider.name},
            "status": {key: value for key, value in status.items() if value != ""},
        }
        # Forced: what the watcher wrote about a silent worker is no longer so.
        await self._cluster.apply(
            CONFIGS, body, field_manager=self._provider.field_manager, subresource="status"
        )
        self._last_beat = status["lastHeartbeat"]

    def _report(self, err: Exception, words: str) -> None:
        """Also of an error that nobody thought of: one provider's fault must not end the others' worker."""
        log = _log.bind(provider=self._provider.name, error=error_text(err)[:200])
        if isinstance(err, ApiError):
            self._cluster.outage.suspect(lambda: log.warning(words))
        else:
            log.error(words, exc_info=err)


def _worker_alive(config: Object) -> str:
    """What the config says of a worker of this system; empty: nothing, somebody else wrote the status."""
    found = find_condition(conditions_of(config), WORKER_ALIVE)
    return found.status.value if found is not None else ""
