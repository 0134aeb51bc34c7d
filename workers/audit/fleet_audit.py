"""The fleet audit: every few minutes, and when a watcher begins, what is against what the statuses say.

It reads nothing: the watches have brought it. So it costs the API server nothing however many deployments
there are, and an idle deployment nothing at all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import timedelta

import structlog

from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider
from airunway.workers.audit.differences import StatusDifference, difference
from airunway.workers.audit.fleet import Fleet, KnownDeployment
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.repeats import Repeats
from airunway.workers.signal_queue import SignalQueue

_log = structlog.get_logger(__name__)

BY = "fleet audit"
JITTER = 0.1
SETTLING_SECONDS = 30.0
"""After a change: its own signal is on its way, and the status follows."""
MAX_PAUSE_SECONDS = 3600.0
"""Between two signals for the same difference."""
BREATHE_EVERY = 500
"""Deployments compared between two turns of everybody else."""


class FleetAudit:
    """Compares and signals. Run one task of it, where the Lease is held."""

    def __init__(
        self,
        fleet: Fleet,
        providers: Mapping[str, Provider],
        signals: SignalQueue,
        *,
        every: timedelta,
        metrics: FleetMetrics,
    ) -> None:
        self._fleet, self._providers, self._signals = fleet, providers, signals
        self._every = every.total_seconds()
        self._metrics = metrics
        self._repeats = Repeats(first=self._every / 2, maximum=MAX_PAUSE_SECONDS)
        self._is_first = True
        self.unanswered: dict[DeploymentRef, str] = {}
        """Deployments that were signalled for a difference before and still show it, and the difference."""

    async def run(self) -> None:
        """Audit until cancelled; the first time once all deployments are known."""
        await self._fleet.are_deployments_listed.wait()
        while True:
            await self.audit()
            await asyncio.sleep(self._every * random.uniform(1 - JITTER, 1 + JITTER))

    async def audit(self) -> int:
        """One audit; answers how many deployments it signalled."""
        loop = asyncio.get_running_loop()
        began, at_start, self._is_first = loop.time(), self._is_first, False
        found: dict[DeploymentRef, StatusDifference] = {}
        for number, (ref, known) in enumerate(list(self._fleet.deployments.items()), start=1):
            if began - known.changed_at >= SETTLING_SECONDS and not self._signals.is_busy_with(ref):
                entry = self._difference(known, at_start=at_start)
                if entry is not None:
                    found[ref] = entry
            if number % BREATHE_EVERY == 0:
                await asyncio.sleep(0)
        self._repeats.keep(found)
        self.unanswered = {ref: e.cause for ref, e in found.items() if self._repeats.is_known(ref, e.cause)}
        due = [ref for ref, entry in found.items() if self._repeats.is_due(ref, entry.cause, began)]
        for ref in due:
            if known_now := self._fleet.deployments.get(ref):
                self._signal(ref, known_now, found[ref])
        self._metrics.audited(seconds=loop.time() - began, differing=len(found), signalled=len(due))
        if at_start or due:
            _log.info(
                "fleet audit",
                deployments=len(self._fleet.deployments),
                differing=len(found),
                signalled=len(due),
                seconds=round(loop.time() - began, 2),
            )
        return len(due)

    def _difference(self, known: KnownDeployment, *, at_start: bool) -> StatusDifference | None:
        try:
            return difference(known, self._fleet, self._providers, at_start=at_start)
        except Exception as err:  # one that nobody thought of must not hide the others
            return StatusDifference(f"it cannot be compared: {err!r}")

    def _signal(self, ref: DeploymentRef, known: KnownDeployment, found: StatusDifference) -> None:
        hint = ChangeHint(
            cause=found.cause,
            by=BY,
            uid=known.mark.uid,
            generation=known.mark.generation,
            deleted=known.mark.deleted,
            status_changed=found.status_changed,
        )
        self._signals.put(ref, hint, urgent=found.urgent)
