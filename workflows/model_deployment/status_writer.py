"""Writing a deployment's status: only what changed, together with the Events about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from temporalio import workflow

from airunway.api.adoption import recorded_adoption
from airunway.api.core_types import Condition
from airunway.api.names import PAUSED
from airunway.api.status import DeploymentStatus, Phase, ProviderStatus
from airunway.messages.decision import Observation
from airunway.messages.deployment import WRITE_STATUS, EventSpec, StatusRequest
from airunway.messages.deployment_state import FIELDS_CONTESTED, DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows import measures
from airunway.workflows.model_deployment.contention import STATUS, note_repairs, rewrite_is_due
from airunway.workflows.model_deployment.details import outcome_words
from airunway.workflows.model_deployment.events import events_between
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.progress import STALLED, show_progress
from airunway.workflows.steps import call

MAX_EVENTS = 20
"""At once; more are not due in any story, and a hostile one must not make a request large."""

_OURS_IN_ANY_CASE = {
    "Validated",
    "EngineSelected",
    "ProviderSelected",
    "ImageResolved",
    "ProviderHealthy",
    "ProviderInstalled",
    FIELDS_CONTESTED,
    PAUSED,
    STALLED,
}


class StatusWriter:
    """Writes the status of one deployment."""

    def __init__(
        self, ref: DeploymentRef, state: DeploymentState, inbox: Inbox, journal: JournalWriter
    ) -> None:
        self._ref, self._state, self._inbox, self._journal = ref, state, inbox, journal

    def add_events(self, events: Iterable[EventSpec]) -> None:
        """Record Events with the next write, be it in the next run."""
        self._state.events_due = [*self._state.events_due, *events][-MAX_EVENTS:]

    def add_contest(self, events: Sequence[EventSpec]) -> None:
        """Tell that somebody keeps changing what is written, if that is so."""
        for event in events:
            self._journal.record(event.reason, event.message)
            measures.contested()
        self.add_events(events)

    def note(self, before: Sequence[Condition]) -> None:
        """Have the changes of conditions recorded as Events; `before`: as they were."""
        self.add_events(events_between(before, self._state.conditions))

    async def write(self) -> None:
        """Write the status and record the Events, if there is anything to write or to record."""
        state, now = self._state, workflow.now()
        show_progress(state, now=now)
        if self._is_rewritten(now):
            show_progress(state, now=now)
        elif digest_of(status_to_write(state)) == state.written and not state.events_due:
            return
        status = status_to_write(state)
        digest = digest_of(status)
        self._journal.phase(str(status.phase or ""), status.message or "")
        events, state.events_due = state.events_due, []
        answer = await call(
            WRITE_STATUS,
            StatusRequest(ref=self._ref, uid=state.uid, status=status, events=events),
            summary=f"status: {outcome_words(state)}",
        )
        state.written, state.selection_written = digest, status.provider is not None
        if answer.gone:
            self._inbox.ask()

    async def write_choice(self) -> None:
        """Write the selection before anything is rendered, where another core has acted on the deployment."""
        state = self._state
        if not state.selection_written and recorded_adoption(state.conditions) == 0:
            await self.write()

    async def claim_choice(self, seen: Observation) -> bool:
        """Write what was selected before anything is made by it; false: decide again.

        Only if nobody wrote the deployment since it was seen: what another core has chosen meanwhile stands.
        What the spec names nobody can choose otherwise: that is written with what came of it, in one write.
        """
        state = self._state
        if state.selection_written:
            return True
        show_progress(state, now=workflow.now())
        status = status_to_write(state)
        answer = await call(
            WRITE_STATUS,
            StatusRequest(
                ref=self._ref, uid=state.uid, status=status, resource_version=seen.resource_version
            ),
            summary=f"provider {state.provider}, if nobody has chosen another",
        )
        if answer.gone or answer.superseded:
            return False
        state.written, state.selection_written = digest_of(status), status.provider is not None
        return True

    def _is_rewritten(self, now: datetime) -> bool:
        """Whether what somebody else wrote is put right now; counted where it says nothing new."""
        inbox, state = self._inbox, self._state
        due = rewrite_is_due(state, asked=inbox.rewrite_due, now=now)
        if due and inbox.whose and digest_of(status_to_write(state)) == state.written:
            self.add_contest(note_repairs(state, f"the status by {inbox.whose}", now=now, of=STATUS))
        inbox.rewrite_due, inbox.whose = False, ""
        return due

    async def write_events(self, uid: str) -> None:
        """Record the Events that are due, and leave the status as it is."""
        events, self._state.events_due = self._state.events_due, []
        if events:
            await call(
                WRITE_STATUS,
                StatusRequest(ref=self._ref, uid=uid, status=None, events=events),
                summary=f"event: {', '.join(event.reason for event in events)}",
            )


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
        if ours.replicas is not None:
            status.readiness = f"{ours.replicas.ready or 0}/{ours.replicas.desired or 0}"
            status.selector = state.replica_selector or None
        status.pods_observed = state.pods_seen or None
        status.gateway = ours.gateway
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
    text = status.model_dump_json(by_alias=True, exclude_unset=True, exclude_none=True)
    return hashlib.sha256(text.encode()).hexdigest()
