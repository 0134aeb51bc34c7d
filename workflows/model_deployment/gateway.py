"""How a deployment is published behind a Gateway: kept as it is to be, after everything else was written.

Nothing waits for it: readiness was written before, a step that does not succeed is left after seconds and
tried again ever more seldom, and what is the matter is the condition `GatewayReady`. Where the cluster serves
no gateway kinds nothing is asked.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from airunway.api.conditions import find_condition, remove_condition
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.gateway_reasons import (
    DISABLED,
    GATEWAY_READY,
    NO_CRDS,
    NO_GATEWAY,
    NOT_SERVING,
    STEP_FAILED,
)
from airunway.api.status import GatewayStatus, Phase
from airunway.messages.decision import Observation
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.failures import cause_with_kind
from airunway.messages.gateway import (
    APPLY_GATEWAY,
    READ_GATEWAY,
    REMOVE_GATEWAY,
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    GatewayReading,
    GatewayRequest,
    GatewayState,
    RemoveGatewayRequest,
)
from airunway.messages.refs import DeploymentRef
from airunway.workflows import measures
from airunway.workflows.model_deployment.events import events_of_actions
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.pacing import Pacing, doubled
from airunway.workflows.model_deployment.status_updates import set_condition, set_reported
from airunway.workflows.model_deployment.status_writer import StatusWriter
from airunway.workflows.steps import call

PATIENCE = timedelta(seconds=10)
"""For one step; then the rest of the deployment goes on."""
FIRST_RETRY, MAX_RETRY = timedelta(seconds=5), timedelta(minutes=5)
MAX_REMOVAL_RETRY = timedelta(seconds=30)
LEFT_BEHIND = (
    "what publishes it could not be taken back in time: what the deployment owns goes with it, but a"
    " Gateway's listeners, or another namespace's pool, may stay open for its namespace"
)
LOOK_AGAIN_SECONDS = 2
_NOT_PUBLISHED = {NO_CRDS, NO_GATEWAY, DISABLED}


class DeploymentGateway:
    """The gateway's steps for one deployment, and what their answers change in its state."""

    def __init__(
        self,
        ref: DeploymentRef,
        state: DeploymentState,
        inbox: Inbox,
        pacing: Pacing,
        *,
        writer: StatusWriter,
        journal: JournalWriter,
    ) -> None:
        self._ref, self._state, self._inbox, self._pacing = ref, state, inbox, pacing
        self._writer, self._journal = writer, journal
        self.kept_by = ""
        """Why the last attempt to take everything back left something; empty: it did not."""

    async def keep(self, seen: Observation) -> None:
        """Have it published as it is to be now, and the status say how that stands."""
        fresh, self._inbox.gateway_due = self._inbox.gateway_due, False
        state = self._state
        if self._inbox.decision_due or state.externally_managed or seen.is_pretence:
            return
        before = list(state.conditions)
        if seen.gateway_enabled is False:
            await self._switch_off(seen)
        elif self._is_published or (state.status.phase is Phase.RUNNING and (fresh or seen.serves_gateway)):
            await self._follow(seen, fresh=fresh)
        elif seen.gateway_enabled and state.status.phase is Phase.RUNNING and seen.serves_gateway is False:
            words = "the cluster does not serve the gateway's kinds; docs/publishing.md says what to install"
            self._say_not(NO_CRDS, words)
        self._writer.note(before)
        await self._writer.write()

    async def remove(self, uid: str, *, within: timedelta = PATIENCE) -> bool:
        """Take everything back, of a deployment that is deleted or gone; whether nothing is left of it.

        What was not done within the time is asked for again by whoever called.
        """
        if not self._is_published:
            return True
        if within <= timedelta(0):
            return False
        self._pacing.step = "taking back what the gateway has"
        try:
            answer = await call(
                REMOVE_GATEWAY,
                RemoveGatewayRequest(ref=self._ref, uid=uid, applied=self._state.gateway.applied),
                summary="delete route, pool and picker; close the Gateway's listeners",
                leave_if=lambda: False,
                leave_after=min(within, PATIENCE),
            )
        except FailureError as err:
            answer, words = None, cause_with_kind(err)
        else:
            words = "not done in time"
        if answer is None:
            gateway = self._state.gateway
            gateway.removing_since = gateway.removing_since or workflow.now()
            self._journal.record("GatewayFailed", f"remove_gateway: {words}", why="it is tried again")
            self.kept_by = words
            return False
        self.kept_by = ""
        if answer.deleted or answer.changed:
            self._journal.record("Unpublished", ", ".join([*answer.deleted, *answer.changed]))
        self._state.gateway, self._state.status.gateway = GatewayState(), None
        remove_condition(self._state.conditions, GATEWAY_READY)
        return True

    async def remove_for_good(self, uid: str) -> bool:
        """The same of a deployment that is gone; false: it is tried again, which ends with the patience."""
        if await self.remove(uid):
            return True
        since, patience = self._state.gateway.removing_since, self._pacing.limits.finalizer_timeout
        if since is None or workflow.now() - since >= timedelta(seconds=patience):
            self._journal.record("FinalizerTimeout", LEFT_BEHIND)
            return True
        self._state.gateway.failures += 1
        delay = doubled(FIRST_RETRY, self._state.gateway.failures, MAX_REMOVAL_RETRY)
        self._pacing.wait("the deployment is gone, but not what the gateway has of it", delay, "tries again")
        return False

    # -- one look -------------------------------------------------------------------------------------------

    @property
    def _is_published(self) -> bool:
        """Whether something may have been written that has to be followed, or taken back."""
        said = find_condition(self._state.conditions, GATEWAY_READY)
        return (
            self._state.gateway.touched
            or self._state.status.gateway is not None
            or (said is not None and said.reason not in _NOT_PUBLISHED)
        )

    async def _switch_off(self, seen: Observation) -> None:
        if self._is_published:
            if not await self.remove(seen.uid):
                cause = f": {self.kept_by}" if self.kept_by else ""
                self._failed(f"the gateway's objects could not be taken back{cause}")
                return
        elif self._state.status.phase is not Phase.RUNNING or not seen.serves_gateway:
            return
        self._say_not(DISABLED, "spec.gateway.enabled is false")

    async def _follow(self, seen: Observation, *, fresh: bool) -> None:
        state = self._state
        if state.status.phase is not Phase.RUNNING:
            said = find_condition(state.conditions, GATEWAY_READY)
            if said is not None and said.status is ConditionStatus.TRUE:
                words = (
                    f"the deployment is {state.status.phase}; its route stays, and serves when it runs again"
                )
                self._say_not(NOT_SERVING, words)
            return
        request = self._request(seen, fresh=fresh)
        self._pacing.step = "reading how it is published"
        try:
            reading = await call(
                READ_GATEWAY,
                request,
                summary=f"how {self._ref.name} is published, and what has to be written for it",
                leave_if=lambda: self._is_overtaken(seen),
                leave_after=PATIENCE,
            )
            if reading is not None and not reading.planned:
                self._adopt_reading(seen, reading)
            elif reading is not None:
                await self._apply(seen, request, reading)
        except FailureError as err:
            self._failed(cause_with_kind(err))
            return
        if reading is None and not self._is_overtaken(seen):
            self._failed("read_gateway: not done in time")

    def _request(self, seen: Observation, *, fresh: bool) -> GatewayRequest:
        state = self._state
        return GatewayRequest(
            ref=self._ref,
            uid=seen.uid,
            generation=seen.generation,
            provider=state.provider,
            engine=state.engine,
            applied=state.gateway.applied,
            probed=state.gateway.probed,
            granted=state.gateway.granted,
            fresh=fresh or not seen.serves_gateway,
        )

    async def _apply(self, seen: Observation, request: GatewayRequest, reading: GatewayReading) -> None:
        state = self._state
        self._pacing.step = "publishing behind the Gateway"
        state.gateway.probed, state.gateway.touched = reading.probed, True
        state.gateway.granted = sorted({*state.gateway.granted, *reading.granted})
        known = {"probed": reading.probed, "granted": state.gateway.granted}
        found = request.model_copy(update=known)
        done = await call(
            APPLY_GATEWAY,
            ApplyGatewayRequest(read_from=found, planned=reading.planned),
            summary=", ".join(str(entry) for entry in reading.planned[:4]),
            leave_if=lambda: self._is_overtaken(seen),
            leave_after=PATIENCE,
        )
        if done is None:
            if not self._is_overtaken(seen):
                self._failed("apply_gateway: not done in time")
            return
        if done.gone or done.superseded:
            self._pacing.wait_at_most(LOOK_AGAIN_SECONDS)
            return
        self._journal.applied(reading.planned, done.objects, done.deleted)
        for words in done.changed:
            self._journal.record("GatewayChanged", words)
        self._writer.add_events(events_of_actions(done.objects))
        self._adopt_applied(done)

    def _is_overtaken(self, seen: Observation) -> bool:
        return self._inbox.decision_due or self._inbox.is_stale(seen)

    # -- what is said ---------------------------------------------------------------------------------------

    def _adopt_reading(self, seen: Observation, reading: GatewayReading) -> None:
        state = self._state
        if reading.missing_kinds:
            state.status.gateway = None
            if self._is_published or seen.gateway_enabled:
                words = f"the cluster does not serve {reading.missing_kinds}; see docs/publishing.md"
                self._say_not(NO_CRDS, words)
            return
        if reading.gone or reading.superseded:
            return
        state.gateway.failures = 0
        state.gateway.applied, state.gateway.probed = reading.objects, reading.probed
        state.gateway.touched = state.gateway.touched or bool(reading.objects)
        state.gateway.granted, state.gateway.removing_since = reading.granted, None
        self._pacing.wait_at_most(reading.recheck_seconds)
        self._adopt(reading.condition, reading.status)

    def _adopt_applied(self, done: ApplyGatewayAnswer) -> None:
        state = self._state
        if not done.refused:
            state.gateway.failures, state.gateway.applied = 0, done.objects
        else:
            self._wait_after_failure()
        self._adopt(done.condition, done.status)

    def _adopt(self, said: Condition | None, status: GatewayStatus | None) -> None:
        if said is not None:
            set_reported(self._state, said, now=workflow.now())
        if status is not None:
            self._state.status.gateway = status

    def _failed(self, words: str) -> None:
        measures.gateway_failed(self._state.provider)
        self._wait_after_failure()
        self._journal.record("GatewayFailed", words, why="it is tried again")
        self._say_not(STEP_FAILED, f"{words}; it is tried again by itself")

    def _wait_after_failure(self) -> None:
        self._state.gateway.failures += 1
        delay = doubled(FIRST_RETRY, self._state.gateway.failures, MAX_RETRY)
        self._pacing.wait_at_most(int(delay.total_seconds()))

    def _say_not(self, reason: str, message: str) -> None:
        set_condition(self._state, GATEWAY_READY, "False", reason, message, now=workflow.now())
