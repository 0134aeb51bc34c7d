"""The life of one ModelDeployment, from its first sight to its deletion.

    validate → select_engine → evaluate_provider_rules → install_provider → build_image
             → render → apply_upstream → read_readiness → write_status → apply_gateway

Level-triggered: a signal is a hint to reconcile, and every reconcile goes the whole way from what the cluster
says now. It is short, because nothing in it waits for readiness: waiting is what the workflow does between
two, until a signal, or the time of the next reconcile if one is due. So a new generation never stands behind
an old wait, and a deployment to which nothing happens costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import DEPLOYMENT_WORKFLOW
    from airunway.messages.decision import Observation
    from airunway.messages.deployment_state import DeploymentState
    from airunway.messages.deployment_workflow import DeploymentInput
    from airunway.messages.failures import WRONG_CLUSTER, cause_with_kind, kind_of, message_of
    from airunway.workflows import measures
    from airunway.workflows.model_deployment.cancellation import heed_cancellation
    from airunway.workflows.model_deployment.commands import Commands
    from airunway.workflows.model_deployment.contention import next_look, repair_is_due
    from airunway.workflows.model_deployment.deletion import Deletion
    from airunway.workflows.model_deployment.details import (
        details_of,
        outcome_words,
        update_search_attributes,
    )
    from airunway.workflows.model_deployment.gateway import DeploymentGateway
    from airunway.workflows.model_deployment.handlers import DeploymentHandlers
    from airunway.workflows.model_deployment.inbox import Inbox
    from airunway.workflows.model_deployment.installation import DeploymentInstallation
    from airunway.workflows.model_deployment.journal_entries import JournalWriter
    from airunway.workflows.model_deployment.model_image import DeploymentModelImage
    from airunway.workflows.model_deployment.pacing import DRIFT_PAUSE, Pacing, is_diagnosis_due
    from airunway.workflows.model_deployment.rollout_updates import follows_what_ran
    from airunway.workflows.model_deployment.selection import Decided, Selection, adopt_decided
    from airunway.workflows.model_deployment.status_updates import (
        adopt_step_error,
        failure_stands,
        show_pause,
        start_over,
    )
    from airunway.workflows.model_deployment.status_writer import StatusWriter
    from airunway.workflows.model_deployment.upstream import Upstream
    from airunway.workflows.run_length import continue_as_new, is_flooded, should_continue_as_new


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class ModelDeploymentWorkflow(DeploymentHandlers):
    """One ModelDeployment. Id: `modeldeployment/<cluster>/<namespace>/<name>`."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        self.ref = ref = start.ref
        self.state = state = start.state or DeploymentState()
        self.inbox = inbox = Inbox(rewrite=start.rewrite)
        self.pacing = Pacing()
        self.journal = journal = JournalWriter(state)
        self.writer = writer = StatusWriter(ref, state, inbox, journal)
        self.selection = Selection(ref, state)
        self.installation = DeploymentInstallation(ref, state, journal)
        self.images = DeploymentModelImage(ref, state, inbox, writer=writer, journal=journal)
        self.upstream = Upstream(ref, state, inbox, self.pacing, writer=writer, journal=journal)
        self.gateway = DeploymentGateway(ref, state, inbox, self.pacing, writer=writer, journal=journal)
        self.deletion = Deletion(
            ref,
            state,
            inbox,
            self.pacing,
            upstream=self.upstream,
            gateway=self.gateway,
            writer=writer,
            journal=journal,
        )
        self.commands = Commands(
            state, inbox, images=self.images, installation=self.installation, writer=writer, journal=journal
        )
        self.waiting = False
        self._known_attributes: list[str] = []
        self._reconciles = 0
        self._gone = False
        """The last look found no deployment."""
        self._next_run_wanted = False
        self._decided_on: Decided | None = None
        """The last decision, as long as only its upstream objects need to be followed."""

    # -- the story -------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Live until the deployment is gone. A request to cancel has nothing to cancel here."""
        life = asyncio.create_task(self._live())
        while True:
            try:
                ended = await asyncio.shield(life)
                break
            except asyncio.CancelledError:
                if self._next_run_wanted or workflow.cancellation_reason() is None:
                    raise  # the worker drops this run from its memory
                self._next_run_wanted = True  # which has no such request any more
                heed_cancellation(self.images, self.inbox, writer=self.writer, journal=self.journal)
        if ended:
            return ended
        continue_as_new(DeploymentInput(ref=self.ref, state=self.state, rewrite=self.inbox.rewrite_due))

    async def _live(self) -> str:
        """Reconcile and wait; answers how it ended, nothing when it goes on in the next run."""
        self._show()
        while True:
            self.inbox.take()
            self._reconciles += 1
            began = workflow.now()
            try:
                await self._reconcile()
            except FailureError as err:
                self._stop(err)
            measures.reconciled(self.state.provider, began=began)
            self._show()
            if self._gone or self._next_run_is_due():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._gone and not self.inbox.reconcile_due:
                    return self.pacing.step
                if self._next_run_is_due():
                    return ""
            await self._wait_for_a_reason()
            if self._next_run_wanted or is_flooded():
                await workflow.wait_condition(workflow.all_handlers_finished)
                return ""

    async def _reconcile(self) -> None:
        """As far as there is something to do for what came in."""
        self._gone = False
        await self.images.do_what_was_asked()
        if self.images.takes_progress() and not self.inbox.decision_due:
            await self.writer.write()
            return
        if self._decided_on is not None and not self.inbox.decision_due:
            seen = self._decided_on.seen
            await self._follow_upstream(self._decided_on)
            await self.gateway.keep(seen)
            return
        seen = await self._validate()
        if not seen.found:
            self._decided_on = None
            self._gone = await self.gateway.remove_for_good(self.state.uid)
            await self.images.leave()
            if self._gone:
                self.pacing.rest("deleted" if self.deletion.let_go else "the deployment is gone")
        elif seen.deleted_at is not None:
            await self.images.leave()
            await self.deletion.proceed(seen, seen.deleted_at)
        elif seen.paused or self.state.paused_by is not None:
            await self._stand_still(seen)
        else:
            await self._carry_out(seen)
            await self.gateway.keep(seen)

    async def _validate(self) -> Observation:
        """Read the deployment and validate its spec."""
        self.pacing.step = "looking"
        self.inbox.observing()
        seen = await self.selection.validate()
        self._known_attributes = seen.search_attributes
        if not seen.found:
            return seen
        self.pacing.limits = seen.limits or self.pacing.limits
        self.inbox.observed(seen)
        state = self.state
        if seen.uid != state.uid:
            if state.uid:
                self.journal.record("NewObject", f"another deployment of the same name: uid {seen.uid}")
            start_over(state, seen, now=workflow.now())
            self._decided_on = None
        state.model = seen.model
        self.commands.heed_annotations(seen, is_resumed=seen.status is not None and bool(seen.status.phase))
        self.images.paused = seen.paused or state.paused_by is not None
        await self.images.do_what_was_asked()
        return seen

    async def _stand_still(self, seen: Observation) -> None:
        """Paused: nothing is followed, and so nothing repaired, until it goes on."""
        self._decided_on = None
        asked = self.state.paused_by
        self.pacing.rest("paused by annotation" if seen.paused or asked is None else f"paused by {asked.by}")
        if seen.paused:
            return await self.writer.write_events(seen.uid)  # of what people ask meanwhile
        show_pause(self.state, now=workflow.now())
        await self.writer.write()

    async def _carry_out(self, seen: Observation) -> None:
        """Go as far as the decision allows, and write down how far that was."""
        decided = await self.selection.select(seen)
        if decided is None:
            self._look_again()
            return
        before = list(self.state.conditions)
        adopt_decided(decided, self.state, self.inbox, self.journal)
        is_registered = decided.provider is not None
        measures.decided(self.state.provider, decided.decision.outcome, is_registered=is_registered)
        self._decided_on = None
        state, provider = self.state, decided.provider
        if provider is not None:
            self.upstream.served_locally = provider.served_locally
        ready = provider is not None and provider.ready
        missing = await self.installation.ensure(decided.decision.installation, ready=ready)
        # What is applied already is followed whatever becomes of spec or provider; a first apply needs both.
        can_write_upstream = bool(state.applied) or (decided.accepted and ready)
        if state.provider and not state.externally_managed and can_write_upstream:
            if not await self._ensure_upstream(decided):
                self.writer.note(before)
                return
        elif not decided.accepted:
            self.pacing.rest(f"{decided.decision.outcome.value}: {decided.decision.finding}")
        elif state.externally_managed:
            self.pacing.rest(missing or "handed over to a provider controller")
        else:
            self.pacing.rest(missing or f"waiting for provider {state.provider}")
        self.writer.note(before)
        await self.writer.write()

    def _look_again(self) -> None:
        """A step found another deployment than was decided on."""
        if self.pacing.is_overtaken_often():
            self.inbox.decision_due = True
        else:
            self.inbox.ask()

    # -- the provider's part -----------------------------------------------------------------------------

    async def _ensure_upstream(self, decided: Decided) -> bool:
        """Apply the upstream objects and read their state; false: reconcile again before writing anything."""
        await self.images.leave_stale()
        stands = failure_stands(self.state, configs_digest=decided.configs_digest)
        apply = decided.accepted and (self.images.is_unfinished or not stands)
        if not await self._try(decided, apply=apply):
            self._look_again()
            return False
        self.pacing.overtaken = 0
        return True

    async def _follow_upstream(self, decided: Decided) -> None:
        """Only upstream objects changed: the last decision stands, if the deployment is still the same."""
        before = list(self.state.conditions)
        if not await self._try(decided, apply=False):
            self._look_again()
        self.writer.note(before)
        if not self.inbox.decision_due:  # else the whole reconcile, which comes next, writes it
            await self.writer.write()

    async def _try(self, decided: Decided, *, apply: bool) -> bool:
        """A provider's step that cannot be done is said, and tried again later."""
        self._decided_on = None
        try:
            done = await (self._apply(decided) if apply else self._read(decided))
        except FailureError as err:
            if kind_of(err) == WRONG_CLUSTER:
                raise
            words = cause_with_kind(err)
            self.pacing.wait_after_failed_attempt(self.state, words)
            adopt_step_error(self.state, words, now=workflow.now())
            self.journal.record("StepFailed", words, why="it is tried again")
            return True
        return done

    async def _apply(self, decided: Decided) -> bool:
        """Render, build the image that rendering needs, apply; false: the deployment changed meanwhile."""
        state = self.state
        built = self.images.built()
        rendered = await self.upstream.render(decided, built)
        if rendered is None:
            return False
        plan = rendered.plan
        replaced = plan.model_image_replaced and await self.upstream.take_replaced_image(decided)
        delay = await self.images.follow(plan.wanted_model_image, decided.seen, decided.configs_digest)
        if replaced or (built is None and self.images.built() is not None):
            return await self._apply(decided)  # the image was there already, and nothing else is missing
        if not await self.upstream.apply(decided, rendered):
            return False
        self.pacing.wait_after_apply(state, plan, image_delay=delay)
        if follows_what_ran(state, plan.failure):
            return await self._read(decided, rendered=True)
        if state.applied and delay is None and not (plan.failure or plan.waiting or plan.replacing):
            self._decided_on = decided.remembered()
            if state.is_contested or is_diagnosis_due(state) or self.inbox.take_upstream_change():
                return await self._read(decided, rendered=True)
        return True

    async def _read(self, decided: Decided, *, rendered: bool = False) -> bool:
        """Take over what the objects say; what is not as it was left is rendered again.

        At once, unless this reconcile has just `rendered`: somebody may undo each write when it is made.
        """
        readiness = await self.upstream.read(decided)
        if readiness is None:
            return False
        self.pacing.wait_after_upstream(self.state)
        if decided.accepted:
            self._decided_on = decided.remembered()
            drifted = readiness.drifted if self.state.failure is None else []
            if repair_is_due(self.state, drifted, now=workflow.now()):
                self.journal.record("DriftFound", "; ".join(drifted))
                self._decided_on = None
                self.pacing.wait_at_most(DRIFT_PAUSE) if rendered else self.inbox.ask()
        return True

    # -- between two reconciles ------------------------------------------------------------------------

    async def _wait_for_a_reason(self) -> None:
        """Until a signal comes; a timer only where something is due."""
        pacing, state = self.pacing, self.state
        delay = next_look(state, pacing, is_followed=bool(self._decided_on), now=workflow.now())
        pacing.next_reconcile_at = workflow.now() + delay if delay is not None else None
        self.waiting = not self.inbox.reconcile_due
        summary = None if delay is None else f"{outcome_words(state)}; {pacing.then}"
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.inbox.reconcile_due or is_flooded(), timeout=delay, timeout_summary=summary
            )
        self.waiting, pacing.next_reconcile_at = False, None

    def _next_run_is_due(self) -> bool:
        """A run with one reconcile has hardly begun; one that let its object go ends soon, and says how."""
        is_midway = self._reconciles > 1 and self.deletion.let_go != self.state.uid
        long = is_midway and should_continue_as_new(self.pacing.limits.history_events)
        return self._next_run_wanted or long or is_flooded()

    def _stop(self, err: FailureError) -> None:
        """A step that failed for good must not end the workflow; the next reconcile may succeed."""
        self.inbox.decision_due = True
        if kind_of(err) == WRONG_CLUSTER:
            self.pacing.rest(words := message_of(err))
        else:
            words = cause_with_kind(err)
            self.pacing.wait_after_failed_attempt(self.state, f"stopped: {words}")
        self.journal.record("StepFailed", words)

    def _show(self) -> None:
        """In the Temporal UI, so that nobody needs to read payloads."""
        pacing = self.pacing
        next_look = "when something changes" if pacing.delay is None else f"in {pacing.delay}: {pacing.then}"
        workflow.set_current_details(details_of(self.ref, self.state, pacing.step, next_look=next_look))
        update_search_attributes(self.ref, self.state, self._known_attributes)
