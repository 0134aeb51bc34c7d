"""Deployments as the metrics count them: phases, replicas, and how long a roll-out took.

The rules of counting are contract (core.md §15): what is seen for the first time is no change, a deployment
that is gone leaves the gauges, and a roll-out is measured once for each stay in Running.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from airunway.api.status import Phase
from airunway.clients.kubernetes import Object
from airunway.messages.refs import DeploymentRef
from airunway.metrics import families as metrics
from airunway.metrics.labels import phase_label

STATES = ("desired", "ready", "available")
BY_HAND = "explicit provider selection"
"""The reason in a status whose provider the spec names; every other is `auto`."""


class _Entry(NamedTuple):
    provider: str
    phase: str
    replicas: tuple[int, ...]
    deploying_since: float
    """Unix time; 0: it was not seen to begin."""


class DeploymentBook:
    """What was last seen of each deployment. `clock`: Unix time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: dict[DeploymentRef, _Entry] = {}

    def saw(self, ref: DeploymentRef, obj: Object) -> None:
        """A ModelDeployment is there, or changed."""
        status = obj.get("status") or {}
        provider = status.get("provider") or {}
        before = self._entries.get(ref)
        label = metrics.provider_label(str(provider.get("name") or ""))
        phase = phase_label(str(status.get("phase") or ""))
        now = self._clock()
        since = before.deploying_since if before else 0.0
        if before is not None and before.phase != phase:
            since = now if phase == Phase.DEPLOYING else since
            self._changed(before, phase, label, created=_created(obj), since=since, now=now)
            since = 0.0 if phase == Phase.RUNNING else since
        if label and not (before and before.provider):
            reason = "manual" if provider.get("selectedReason") == BY_HAND else "auto"
            metrics.SELECTIONS.labels(label, reason).inc()
        entry = _Entry(label, phase, _replicas(status.get("replicas") or {}), since)
        if before is not None:
            _count(before, -1)
        _count(entry, 1)
        self._entries[ref] = entry

    def _changed(
        self, before: _Entry, phase: str, label: str, *, created: float | None, since: float, now: float
    ) -> None:
        if not label:
            return
        if before.phase and phase:
            metrics.PHASE_TRANSITIONS.labels(label, before.phase, phase).inc()
        if phase != Phase.RUNNING:
            return
        if created is not None:
            metrics.READY_SECONDS.labels(label).observe(max(now - created, 0.0))
        if since:
            metrics.PROVISION_SECONDS.labels(label).observe(max(now - since, 0.0))

    def gone(self, ref: DeploymentRef) -> None:
        """A ModelDeployment is gone."""
        if entry := self._entries.pop(ref, None):
            _count(entry, -1)


def _count(entry: _Entry, sign: int) -> None:
    if entry.phase:
        metrics.DEPLOYMENT_STATUS.labels(entry.provider, entry.phase).inc(sign)
    for state, count in zip(STATES, entry.replicas, strict=True):
        if count or sign > 0:  # also at zero, so that the series is there
            metrics.REPLICAS.labels(entry.provider, state).inc(sign * count)


def _replicas(said: Any) -> tuple[int, ...]:
    """Desired, ready, available; what is no number counts as none."""
    return tuple(said[state] if isinstance(said.get(state), int) else 0 for state in STATES)


def _created(obj: Object) -> float | None:
    """Unix time of the creation; None where the object does not say."""
    try:
        return datetime.fromisoformat(str(obj["metadata"].get("creationTimestamp"))).timestamp()
    except ValueError:
        return None
