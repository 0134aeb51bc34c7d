"""Writing a deployment's status: only what changed, together with the Events about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from airunway.api.core_types import Condition
from airunway.api.status import DeploymentStatus, Phase, ProviderStatus
from airunway.messages.deployment import WRITE_STATUS, EventSpec, StatusRequest
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.events import events_between
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.steps import call

_OURS_IN_ANY_CASE = {
    "Validated",
    "EngineSelected",
    "ProviderSelected",
    "ImageResolved",
    "ProviderHealthy",
    "ProviderInstalled",
}


class StatusWriter:
    """Writes the status of one deployment."""

    def __init__(self, ref: DeploymentRef, state: DeploymentState, inbox: Inbox) -> None:
        self._ref, self._state, self._inbox = ref, state, inbox
        self._events: list[EventSpec] = []

    def add_events(self, events: Iterable[EventSpec]) -> None:
        """Record Events with the next write."""
        self._events += events

    async def write(self, *, before: Sequence[Condition] | None = None) -> None:
        """Write the status and record the Events, if there is anything to write or to record.

        `before`: the conditions as they were; what changed since is recorded too.
        """
        state, waiting, self._events = self._state, self._events, []
        events = [*(events_between(before, state.conditions) if before is not None else []), *waiting]
        status = status_to_write(state)
        digest = digest_of(status)
        if digest == state.written and not events and not self._inbox.rewrite_due:
            return
        self._inbox.rewrite_due = False
        answer = await call(
            WRITE_STATUS,
            StatusRequest(ref=self._ref, uid=state.uid, status=status, events=events),
            summary=f"status {status.phase or ''}",
        )
        state.written, state.selection_written = digest, status.provider is not None
        if answer.gone:
            self._inbox.ask()


def status_to_write(state: DeploymentState) -> DeploymentStatus:
    """The status, complete but for what belongs to a provider controller outside."""
    ours, outside = state.status, state.externally_managed
    status = DeploymentStatus(
        observed_generation=state.generation,
        engine=ours.engine if state.engine else None,
        provider=_provider(state),
        image=ours.image,
        conditions=[entry for entry in state.conditions if not outside or entry.type in _OURS_IN_ANY_CASE],
    )
    if not outside:
        status.phase = ours.phase or Phase.PENDING
        status.message = state.shown_message or None
        status.replicas, status.endpoint = ours.replicas, ours.endpoint
    return status


def _provider(state: DeploymentState) -> ProviderStatus | None:
    provider = state.status.provider
    if provider is None or not provider.name:
        return None
    if not state.externally_managed:
        return provider
    return ProviderStatus(name=provider.name, selected_reason=provider.selected_reason)


def digest_of(status: DeploymentStatus) -> str:
    """The same for equal statuses: 64 hex digits."""
    return hashlib.sha256(json.dumps(status.dump(), sort_keys=True).encode()).hexdigest()
