"""The life of one ModelDeployment, from its first sight to its deletion.

Level-triggered: a signal is a hint to reconcile, and every reconcile goes the whole way from what the cluster
says now. It is short, because nothing in it waits for readiness: waiting is what the workflow does between
two, until a signal, or the time of the next reconcile. So a new generation never stands behind an old wait.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.api.decision import Outcome
    from airunway.messages.deployment import OBSERVE, Observation, ObserveRequest
    from airunway.messages.deployment_state import DeploymentState
    from airunway.messages.deployment_workflow import (
        DEPLOYMENT_WORKFLOW,
        ChangeHint,
        DeploymentInput,
        DeploymentView,
    )
    from airunway.messages.failures import cause_with_kind
    from airunway.messages.installation import InstallReport
    from airunway.messages.model_image import ModelImageReport
    from airunway.workflows.model_deployment.deletion import Deletion
    from airunway.workflows.model_deployment.details import details_of, update_search_attributes
    from airunway.workflows.model_deployment.events import events_of_actions
    from airunway.workflows.model_deployment.inbox import Inbox
    from airunway.workflows.model_deployment.installation import (
        ensure_installation,
        on_install_report,
        retry_installation,
    )
    from airunway.workflows.model_deployment.model_image import DeploymentModelImage
    from airunway.workflows.model_deployment.pacing import (
        MAX_SELECTION_DELAY,
        TROUBLE_DELAY,
        Pacing,
        is_diagnosis_due,
    )
    from airunway.workflows.model_deployment.status_updates import (
        adopt_decision,
        adopt_provider_health,
        adopt_step_error,
        failure_stands,
        forget_failure,
        start_over,
    )
    from airunway.workflows.model_deployment.status_writer import StatusWriter
    from airunway.workflows.model_deployment.upstream import Upstream
    from airunway.workflows.run_length import continue_as_new, should_continue_as_new
    from airunway.workflows.steps import call


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class ModelDeploymentWorkflow:
    """One ModelDeployment. Id: `modeldeployment/<cluster>/<namespace>/<name>`."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        self.ref = ref = start.ref
        self.state = state = start.state or DeploymentState()
        self.search_attributes = start.search_attributes
        self.finished = False
        self.inbox = Inbox(rewrite=start.rewrite)
        self.pacing = Pacing()
        self.writer = StatusWriter(ref, state, self.inbox)
        self.images = DeploymentModelImage(ref, state, self.inbox, self.writer)
        self.upstream = Upstream(ref, state, self.inbox, self.pacing)
        self.deletion = Deletion(
            ref, state, self.inbox, self.pacing, upstream=self.upstream, writer=self.writer
        )
        self._decided_on: Observation | None = None
        """What the last decision was made on, as long as only its upstream objects need to be followed."""

    # -- signals and queries -------------------------------------------------------------------------

    @workflow.signal
    def object_changed(self, hint: ChangeHint) -> None:
        """The deployment, its provider's config or an upstream object changed."""
        self.inbox.put(hint)

    @workflow.signal
    def retry(self) -> None:
        """A person wants the failed step to be tried again."""
        forget_failure(self.state)
        self.images.retry()
        retry_installation(self.state)
        self.inbox.ask()

    @workflow.signal
    def install_report(self, report: InstallReport) -> None:
        """The installation that was asked for has ended."""
        on_install_report(self.state, report)
        self.inbox.ask()

    @workflow.signal
    def cancel_build(self) -> None:
        """A person does not want the model's image to be built."""
        self.images.cancel()
        self.inbox.ask()

    @workflow.signal
    def image_report(self, report: ModelImageReport) -> None:
        """The workflow of the image reports how far it is."""
        self.images.on_report(report)

    @workflow.query(name="state")
    def view(self) -> DeploymentView:
        """Where the deployment stands."""
        pacing = self.pacing
        return DeploymentView(
            ref=self.ref, step=pacing.step, next_reconcile_at=pacing.next_reconcile_at, state=self.state
        )

    # -- the story -------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Reconcile and wait; until the deployment is gone."""
        while True:
            self.inbox.reconcile_due = False
            try:
                await self._reconcile()
            except FailureError as err:
                # A step that failed for good must not end the workflow; the next reconcile may succeed.
                self.pacing.wait(f"stopped: {cause_with_kind(err)}", TROUBLE_DELAY)
            self._show()
            if self.finished:
                return self.pacing.step
            await self._wait_for_a_reason()
            if should_continue_as_new(self.pacing.limits.history_events):
                await workflow.wait_condition(workflow.all_handlers_finished)
                continue_as_new(
                    DeploymentInput(
                        ref=self.ref,
                        state=self.state,
                        search_attributes=self.search_attributes,
                        rewrite=self.inbox.rewrite_due,
                    )
                )

    async def _reconcile(self) -> None:
        """As far as there is something to do for what came in."""
        await self.images.do_what_was_asked()
        if self.images.takes_progress() and not self.inbox.decision_due:
            await self.writer.write()
            return
        if self._decided_on is not None and not self.inbox.decision_due:
            await self._follow_upstream(self._decided_on)
            return
        self.inbox.decision_due = False
        seen = await self._observe()
        self.images.paused = seen.paused
        if not seen.found:
            await self.images.leave()
            self._finish("the deployment is gone")
        elif seen.deleted_at is not None:
            await self.images.leave()
            if await self.deletion.proceed(seen, seen.deleted_at):
                self._finish("deleted")
        elif seen.paused:
            self._decided_on = None  # nothing is followed, and so nothing repaired, until it goes on
            self.pacing.wait("paused by annotation", self.pacing.resync)
        else:
            await self._carry_out(seen)

    async def _observe(self) -> Observation:
        """Read the deployment, validate it, and select engine and provider."""
        self.pacing.step = "looking"
        self.inbox.observing()
        # A selection that was made but not written stands, unless it was made for another object.
        unwritten = bool(self.state.provider) and not self.state.selection_written
        seen = await call(
            OBSERVE,
            ObserveRequest(
                ref=self.ref,
                want_status=not self.state.uid,
                chosen_for=self.state.uid if unwritten else "",
                chosen_engine=self.state.engine if unwritten else "",
                chosen_provider=self.state.provider if unwritten else "",
            ),
            summary="validate, select engine and provider",
        )
        if seen.found:
            self.pacing.limits = seen.limits or self.pacing.limits
            if seen.provider is not None:
                self.upstream.served_locally = seen.provider.served_locally
            self.inbox.observed(seen)
            if seen.uid != self.state.uid:
                start_over(self.state, uid=seen.uid, status=seen.status)
        return seen

    async def _carry_out(self, seen: Observation) -> None:
        """Go as far as the decision allows, and write down how far that was."""
        decision, provider, state = seen.decision, seen.provider, self.state
        assert decision is not None
        before = list(state.conditions)
        adopt_decision(state, decision, generation=seen.generation, now=workflow.now())
        state.externally_managed = provider is not None and provider.externally_managed
        accepted = decision.outcome is Outcome.OK
        if not accepted:
            self.pacing.wait_after_failed_attempt(state, f"{decision.outcome.value}: {decision.finding}")
        if provider is not None and not state.externally_managed:
            adopt_provider_health(state, provider, now=workflow.now())
        self._decided_on = None
        ready = provider is not None and provider.ready
        missing = await ensure_installation(state, decision.installation, ready=ready)
        # What is applied already is followed whatever becomes of spec or provider; a first apply needs both.
        can_write_upstream = bool(state.applied) or (accepted and ready)
        if state.provider and not state.externally_managed and can_write_upstream:
            if not await self._reconcile_upstream(seen, apply=accepted):
                return
        elif state.externally_managed and accepted:
            self.pacing.wait(missing or "handed over to a provider controller", self.pacing.resync)
        elif accepted:
            self.pacing.wait(missing or f"waiting for provider {state.provider}", MAX_SELECTION_DELAY)
        await self.writer.write(before=before)

    async def _follow_upstream(self, seen: Observation) -> None:
        """Only upstream objects changed: the last decision stands, if the deployment is still the same."""
        before = list(self.state.conditions)
        if await self._reconcile_upstream(seen, apply=True, only_upstream_changed=True):
            await self.writer.write(before=before)

    async def _reconcile_upstream(
        self, seen: Observation, *, apply: bool, only_upstream_changed: bool = False
    ) -> bool:
        """Apply the upstream objects and read their state; false: reconcile again before writing anything."""
        await self.images.begin(seen)
        state = self.state
        apply = apply and not failure_stands(state, configs_digest=seen.configs_digest)
        diagnose = is_diagnosis_due(state)
        try:
            answer = await self.upstream.reconcile(
                seen,
                apply=apply,
                only_upstream_changed=only_upstream_changed,
                diagnose=diagnose,
                built_model_image=self.images.built(),
            )
        except FailureError as err:
            words = cause_with_kind(err)
            self.pacing.wait_after_failed_attempt(state, words)
            adopt_step_error(state, words, now=workflow.now())
            return True
        if answer is None:
            self.inbox.ask()
            return False
        self.writer.add_events(events_of_actions(answer.objects))
        state.diagnoses += diagnose
        self.upstream.adopt(answer, seen)
        self.pacing.wait_after_upstream(state, accepted=apply or state.failure is not None)
        if apply and not only_upstream_changed:
            delay = await self.images.follow(answer.wanted_model_image, seen)
            if delay is not None:
                self.pacing.wait(state.status.message or "", delay)
            elif state.failure is not None:
                self.pacing.step = state.shown_message
        self.pacing.wait_at_most(answer.failure.retry_seconds if answer.failure else answer.retry_seconds)
        if state.applied and seen.decision is not None and seen.decision.outcome is Outcome.OK:
            self._decided_on = seen
        return True

    # -- between two reconciles ------------------------------------------------------------------------

    async def _wait_for_a_reason(self) -> None:
        self.pacing.next_reconcile_at = workflow.now() + self.pacing.delay
        try:
            await workflow.wait_condition(
                lambda: self.inbox.reconcile_due, timeout=self.pacing.delay, timeout_summary="next look"
            )
        except TimeoutError:
            self.inbox.decision_due = True  # the safety net decides again as well
        self.pacing.next_reconcile_at = None

    def _finish(self, words: str) -> None:
        self.finished, self.pacing.step = True, words

    def _show(self) -> None:
        """In the Temporal UI, so that nobody needs to read payloads."""
        workflow.set_current_details(details_of(self.ref, self.state, self.pacing.step))
        if self.search_attributes:
            update_search_attributes(self.ref, self.state)
