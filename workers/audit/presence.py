"""Every deployment has an open workflow, every open workflow a deployment, and each can progress.

Workflows are ended by hands and by mistakes: terminated, reset, deleted, failed. Temporal's visibility is
asked for all open ones; it lags, so one that seems to be missing is asked about once more, and who is
signalled without need only looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api import names
from airunway.clients.errors import error_text
from airunway.clients.outages import OUTAGES, TEMPORAL
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit.backlog import queues_of, task_backlog
from airunway.workers.audit.fleet import Fleet
from airunway.workers.audit.fleet_audit import BY
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.repeats import Repeats
from airunway.workers.audit.stuck import StuckWorkflows
from airunway.workers.audit.visibility import (
    MAX_DESCRIBED,
    OpenWorkflow,
    described_workflows,
    is_open,
    open_workflows,
)
from airunway.workers.signal_queue import SignalQueue

_log = structlog.get_logger(__name__)

LAG_SECONDS = 15.0
"""Within it a deployment's workflow may not be listed yet, or be listed on."""
ORPHAN_AGE = timedelta(minutes=1)
"""By Temporal's clock, which may differ from ours."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60.0, 3600.0
MAX_ORPHANS = 100
"""Workflows without a deployment that are signalled in one round."""


class Presence:
    """Compares the deployments with the open workflows. Run one task of it, where the Lease is held."""

    def __init__(
        self,
        client: Client,
        fleet: Fleet,
        signals: SignalQueue,
        stuck: StuckWorkflows,
        *,
        cluster_name: str,
        every: timedelta,
        metrics: FleetMetrics,
    ) -> None:
        self._client, self._cluster_name = client, cluster_name
        self._fleet, self._signals, self._stuck, self._metrics = fleet, signals, stuck, metrics
        self._every = every.total_seconds()
        self._missing = Repeats(first=FIRST_PAUSE_SECONDS, maximum=MAX_PAUSE_SECONDS)
        self._orphans = Repeats(first=FIRST_PAUSE_SECONDS, maximum=MAX_PAUSE_SECONDS)
        self._is_listing_refused = False
        self._turn = 0
        """Where the slow look goes on that stands in for a listing."""

    async def run(self) -> None:
        """Compare until cancelled."""
        await self._fleet.are_deployments_listed.wait()
        while True:
            try:
                await self.check()
            except (RPCError, OSError) as err:
                log = _log.bind(error=error_text(err).splitlines()[0][:200])
                OUTAGES.suspect(TEMPORAL, partial(log.warning, "open workflows cannot be read; trying again"))
            except Exception:
                _log.exception("open workflows not compared; trying again")
            await asyncio.sleep(self._every)

    async def check(self) -> None:
        """One round. Raises RPCError or OSError when Temporal does not answer."""
        opened = await open_workflows(self._client, self._cluster_name)
        self._say_whether_listed(opened is not None)
        if opened is not None:
            self._metrics.opened(entry.phase for entry in opened.values())
            self._signal_orphans(opened)
            missing = await self._confirmed(self._missing_from(opened))
        else:
            missing = await self._confirmed(self._next_few())
        self._missing.keep(frozenset(missing))
        for ref in missing:
            if self._missing.is_due(ref, "missing", asyncio.get_running_loop().time()):
                self._signal_missing(ref)
        await self._stuck.check(opened or {})
        self._metrics.present(
            deployments=len(self._fleet.deployments),
            without_open_workflow=len(missing),
            problems=self._stuck.known.values(),
        )
        self._metrics.signals(sent=self._signals.sent, folded=self._signals.folded)
        queues = queues_of(self._cluster_name, self._fleet.configs)
        self._metrics.backlog(await task_backlog(self._client, queues))

    # -- deployments without a workflow ---------------------------------------------------------------

    def _missing_from(self, opened: Mapping[str, OpenWorkflow]) -> list[DeploymentRef]:
        now = asyncio.get_running_loop().time()
        return [
            ref
            for ref, known in self._fleet.deployments.items()
            if known.wants_workflow
            and now - known.changed_at >= LAG_SECONDS
            and ref.workflow_id not in opened
            and not self._signals.is_busy_with(ref)
        ]

    def _next_few(self) -> list[DeploymentRef]:
        """As many as may be asked about one by one, each round others."""
        refs = self._missing_from({})
        start = self._turn if self._turn < len(refs) else 0
        self._turn = start + MAX_DESCRIBED
        return refs[start : start + MAX_DESCRIBED]

    async def _confirmed(self, suspects: list[DeploymentRef]) -> list[DeploymentRef]:
        """Those that have no open workflow. With very many missing, the listing is believed for the rest."""
        asked, rest = suspects[:MAX_DESCRIBED], suspects[MAX_DESCRIBED:]
        described = await described_workflows(self._client, asked)
        return [*(ref for ref, entry in described.items() if not is_open(entry)), *rest]

    def _signal_missing(self, ref: DeploymentRef) -> None:
        known = self._fleet.deployments.get(ref)
        if known is None:
            return
        _log.info("a deployment has no open workflow; it is started again", deployment=str(ref))
        hint = ChangeHint(
            cause="no workflow of it was open",
            by=BY,
            uid=known.mark.uid,
            generation=known.mark.generation,
            deleted=known.mark.deleted,
        )
        self._signals.put(ref, hint, urgent=False)

    # -- workflows without a deployment ---------------------------------------------------------------

    def _signal_orphans(self, opened: Mapping[str, OpenWorkflow]) -> None:
        """They find out for themselves, and end."""
        known = self._fleet.by_workflow_id()
        latest = datetime.now(UTC) - ORPHAN_AGE
        orphans = [key for key, entry in opened.items() if key not in known and entry.started < latest]
        self._orphans.keep(frozenset(orphans))
        prefix = names.deployment_workflow_prefix(self._cluster_name)
        now, sent = asyncio.get_running_loop().time(), 0
        for key in orphans:
            namespace, _, name = key.removeprefix(prefix).partition("/")
            if sent < MAX_ORPHANS and name and self._orphans.is_due(key, "orphan", now):
                ref = DeploymentRef(cluster=self._cluster_name, namespace=namespace, name=name)
                hint = ChangeHint(cause="there is no such deployment", by=BY, deleted=True, gone=True)
                self._signals.put(ref, hint, urgent=False)
                sent += 1

    def _say_whether_listed(self, is_listed: bool) -> None:
        if self._is_listing_refused is not is_listed:
            return
        self._is_listing_refused = not is_listed
        if is_listed:
            _log.info("open workflows can be listed again")
        else:
            _log.warning(
                "workflows of this Temporal namespace cannot be listed; ended ones are found one by one",
                workflows_each_round=MAX_DESCRIBED,
            )
