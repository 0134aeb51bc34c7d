"""The life of one ModelDeployment, from its first sight to its deletion.

Level-triggered: a signal means "look again", and every pass goes the whole way from what the cluster says
now. A pass is short, because nothing in it waits for readiness: waiting is what the workflow does between
passes, until a signal, or the time of the next look. So a new generation never stands behind an old wait.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.api.decision import Outcome
    from airunway.api.names import is_provider_finalizer, provider_task_queue, providers_of
    from airunway.api.status import Phase
    from airunway.messages.deployment import (
        OBSERVE,
        RECONCILE_UPSTREAM,
        RELEASE_UPSTREAM,
        REMOVE_FINALIZERS,
        WRITE_STATUS,
        EventSpec,
        FinalizerRequest,
        Limits,
        Observation,
        ObserveRequest,
        ReleaseRequest,
        StatusRequest,
        UpstreamAnswer,
        UpstreamRequest,
    )
    from airunway.messages.deployment_workflow import (
        ENGINE,
        NAMESPACE,
        PHASE,
        PROVIDER,
        DeploymentInput,
        DeploymentView,
        LookAgain,
    )
    from airunway.messages.failures import cause_with_kind
    from airunway.messages.installation import InstallReport
    from airunway.messages.model_image import ImageReport
    from airunway.workflows.model_deployment.details import details_of
    from airunway.workflows.model_deployment.installation import (
        note_report,
        retry_installation,
        see_to_installation,
    )
    from airunway.workflows.model_deployment.model_image import DeploymentImage
    from airunway.workflows.model_deployment.state import DeploymentState, actions_in, events_between
    from airunway.workflows.steps import call

TERMINATING_POLL = timedelta(seconds=5)
FIRST_SELECTION_RETRY_PAUSE = timedelta(seconds=15)
MAX_SELECTION_RETRY_PAUSE = timedelta(minutes=5)
FIRST_DIAGNOSIS_PAUSE = timedelta(seconds=10)
MAX_DIAGNOSIS_PAUSE = timedelta(seconds=60)
INDEX_AFTER = timedelta(seconds=5)
TROUBLE_PAUSE = timedelta(seconds=30)


@workflow.defn(name="ModelDeploymentWorkflow")
class ModelDeploymentWorkflow:
    """One ModelDeployment. Id: `modeldeployment/<namespace>/<name>`."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        self.ref = start.ref
        self.state = start.state or DeploymentState()
        self.search_attributes = start.search_attributes
        self.limits = Limits(rollout_deadline=1800, finalizer_timeout=300, resync=3600)
        self.images = DeploymentImage(start.ref)
        self.hosted = False
        self.step = "starting"
        self.next_look: datetime | None = None
        self.pause = timedelta(0)
        self.finished = False
        self._look_again = True
        self._decide_again = True
        self._seen: Observation | None = None
        self._news = LookAgain(cause="start")
        self._actions: list[EventSpec] = []
        self._rewrite = start.rewrite
        self._deleting = False

    # -- signals and queries -------------------------------------------------------------------------

    @workflow.signal
    def look_again(self, hint: LookAgain) -> None:
        """Something changed."""
        self._look_again = True
        self._decide_again = self._decide_again or not hint.upstream_only
        self._news = self._news.folded_with(hint)
        self._rewrite = self._rewrite or hint.status_changed

    @workflow.signal
    def retry(self) -> None:
        """A person wants the failed step to be tried again."""
        self.state.forget_failure()
        self.images.retry(self.state)
        retry_installation(self.state)
        self._look_again = self._decide_again = True

    @workflow.signal
    def install_report(self, report: InstallReport) -> None:
        """The installation that was asked for has ended."""
        note_report(self.state, report)
        self._look_again = self._decide_again = True

    @workflow.signal
    def cancel_build(self) -> None:
        """A person does not want the model's image to be built."""
        self.images.cancel(self.state)
        self._look_again = self._decide_again = True

    @workflow.signal
    def image_report(self, report: ImageReport) -> None:
        """The workflow of the image tells how far it is."""
        self._decide_again = self.images.hear(report, self.state) or self._decide_again
        self._look_again = True

    @workflow.query(name="state")
    def view(self) -> DeploymentView:
        """Where the deployment stands."""
        return DeploymentView(ref=self.ref, step=self.step, next_look=self.next_look, state=self.state)

    # -- the story -------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Look, act, wait; until the deployment is gone."""
        while True:
            self._look_again = False
            try:
                await self._pass()
            except FailureError as err:
                # A step that failed for good must not end the workflow: the next look may find it mended.
                self.step, self.pause = f"stopped: {cause_with_kind(err)}", TROUBLE_PAUSE
            self._show()
            if self.finished:
                return self.step
            await self._wait_for_a_reason()
            if self._history_is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(
                    DeploymentInput(
                        ref=self.ref,
                        state=self.state,
                        search_attributes=self.search_attributes,
                        rewrite=self._rewrite,
                    )
                )

    async def _pass(self) -> None:
        await self.images.do_what_was_asked(self.state)
        if self.images.shows_progress(self.state) and not self._decide_again:
            await self._write_status([])
            return
        if self._seen is not None and not self._decide_again:
            await self._follow_upstream(self._seen)
            return
        self._decide_again = False
        seen = await self._observe()
        self.images.held = seen is not None and seen.paused
        if seen is None or not seen.found:
            await self.images.leave(self.state)
            self._finish("the deployment is gone")
        elif seen.deleted_at is not None:
            await self._release(seen, seen.deleted_at)
        elif seen.paused:
            self._seen = None  # nothing is followed, and so nothing repaired, until it goes on
            self.step, self.pause = "paused by annotation", timedelta(seconds=self.limits.resync)
        else:
            await self._reconcile(seen)

    async def _follow_upstream(self, seen: Observation) -> None:
        """Only upstream objects changed: the last decision stands, if the deployment is still the same."""
        before = dict(self.state.conditions)
        if await self._reconcile_upstream(seen, apply=True, only_upstream_changed=True):
            await self._write_status(events_between(before, self.state.conditions))

    async def _observe(self) -> Observation | None:
        """Read the deployment, validate it, and select engine and provider."""
        self.step = "looking"
        self._news = LookAgain(cause="looking")  # whatever was heard before, this look is newer
        unwritten = self.state.provider if not (self.state.written or {}).get("provider") else ""
        seen = await call(
            OBSERVE,
            ObserveRequest(
                ref=self.ref,
                want_status=not self.state.uid,
                chosen_for=self.state.uid if unwritten else "",
                chosen_engine=self.state.engine if unwritten else "",
                chosen_provider=unwritten,
            ),
            summary="validate, select engine and provider",
        )
        if seen is not None and seen.found:
            self.limits = seen.limits or self.limits
            self.hosted = seen.provider.hosted if seen.provider else self.hosted
            self._deleting = seen.deleted_at is not None
            if seen.uid != self.state.uid:
                self.state.start_over(uid=seen.uid, status=seen.status)
        return seen

    async def _reconcile(self, seen: Observation) -> None:
        """Go as far as the decision allows, and write down how far that was."""
        decision = seen.decision
        assert decision is not None
        before = dict(self.state.conditions)
        self.state.adopt_decision(decision, generation=seen.generation, now=workflow.now())
        provider = seen.provider
        self.state.foreign = provider is not None and provider.foreign
        if decision.outcome is not Outcome.OK:
            self.state.failed_looks += 1
            self.step = f"{decision.outcome.value}: {decision.finding}"
            self.pause = _doubled(
                FIRST_SELECTION_RETRY_PAUSE, self.state.failed_looks, MAX_SELECTION_RETRY_PAUSE
            )
        if provider is not None and not self.state.foreign:
            self.state.adopt_provider_health(provider, now=workflow.now())
        self._seen = None
        missing = await see_to_installation(
            self.state, decision.installation, ready=provider is not None and provider.ready
        )
        if self.state.provider and not self.state.foreign and self._may_touch_upstream(seen):
            if not await self._reconcile_upstream(seen, apply=decision.outcome is Outcome.OK):
                return
        elif decision.outcome is Outcome.OK:
            self.step = missing or (
                "handed over to a provider controller"
                if self.state.foreign
                else f"waiting for provider {self.state.provider}"
            )
            self.pause = (
                timedelta(seconds=self.limits.resync) if self.state.foreign else MAX_SELECTION_RETRY_PAUSE
            )
        await self._write_status(events_between(before, self.state.conditions))

    def _may_touch_upstream(self, seen: Observation) -> bool:
        # What is applied already is followed whatever becomes of spec or provider; a first apply needs both.
        if self.state.applied:
            return True
        accepted = seen.decision is not None and seen.decision.outcome is Outcome.OK
        return accepted and seen.provider is not None and seen.provider.ready

    async def _reconcile_upstream(
        self, seen: Observation, *, apply: bool, only_upstream_changed: bool = False
    ) -> bool:
        """Apply the upstream objects and read their state; false: look again before anything is written."""
        await self.images.begin(self.state, cancel=seen.cancel_build)
        apply = apply and not self.state.failure_stands(configs_digest=seen.configs_digest)
        diagnose = self._diagnosis_is_due()
        doing = "applying on" if apply and not only_upstream_changed else "reading from"
        self.step = f"{doing} {self.state.provider}"
        request = UpstreamRequest(
            ref=self.ref,
            uid=seen.uid,
            generation=seen.generation,
            resource_version=seen.resource_version,
            provider=self.state.provider,
            engine=self.state.engine,
            apply=apply,
            only_upstream_changed=only_upstream_changed and not diagnose,
            diagnose=diagnose,
            applied=self.state.applied,
            image=self.state.image,
            built_image=self.images.built(self.state),
        )
        try:
            answer = await call(
                replace(
                    RECONCILE_UPSTREAM,
                    task_queue=provider_task_queue(self.state.provider),
                    inline=self.hosted,
                    # A person must be told when a provider's worker is away or an object is not let in.
                    deadline=timedelta(seconds=self.limits.step_patience),
                ),
                request,
                summary=f"{self.step}, generation {seen.generation}",
                leave_if=lambda: self._overtaken(seen),
            )
        except FailureError as err:
            self.step = cause_with_kind(err)
            self.state.failed_looks += 1
            self.pause = _doubled(
                FIRST_SELECTION_RETRY_PAUSE, self.state.failed_looks, MAX_SELECTION_RETRY_PAUSE
            )
            self.state.adopt_step_error(self.step, now=workflow.now())
            return True
        if answer is None or answer.superseded or answer.gone:
            self._look_again = self._decide_again = True
            return False
        self._actions = actions_in(answer.objects)
        self.state.diagnoses += diagnose
        if not self.state.finding:
            self.state.failed_looks = 0
        if self.state.is_step_failed and answer.failure is None:
            self.state.adopt_reading(answer)
        else:
            self.state.adopt_upstream(
                answer,
                configs_digest=seen.configs_digest,
                deadline=self.limits.rollout_deadline,
                now=workflow.now(),
            )
        self._plan_next_look(accepted=apply or self.state.failure is not None)
        if apply and not only_upstream_changed:
            await self._follow_image(answer, seen)
        retry = answer.failure.retry_seconds if answer.failure else answer.retry_seconds
        if retry:
            self.pause = min(self.pause, timedelta(seconds=retry))
        if self.state.applied and seen.decision is not None and seen.decision.outcome is Outcome.OK:
            self._seen = seen
        return True

    async def _follow_image(self, answer: UpstreamAnswer, seen: Observation) -> None:
        pause = await self.images.follow(
            answer.image_wish,
            self.state,
            cancel=seen.cancel_build,
            configs_digest=seen.configs_digest,
            overtaken=lambda: self._overtaken(seen),
        )
        if pause is not None:
            self.step, self.pause = self.state.message, pause
        elif self.state.failure is not None:
            self.step = self.state.shown_message

    async def _write_status(self, events: list[EventSpec]) -> None:
        events = [*events, *self._actions, *self.images.events]
        self._actions, self.images.events = [], []
        status = self.state.status()
        if status == self.state.written and not events and not self._rewrite:
            return
        self._rewrite = False
        answer = await call(
            WRITE_STATUS,
            StatusRequest(ref=self.ref, uid=self.state.uid, status=status, events=events),
            summary=f"status {status.get('phase', '')}",
        )
        self.state.written = status
        if answer is not None and answer.gone:
            self._look_again = self._decide_again = True

    # -- deletion ----------------------------------------------------------------------------------------

    async def _release(self, seen: Observation, deleted_at: datetime) -> None:
        """Delete the upstream objects, then let go of the deployment; after the time limit in any case."""
        await self.images.leave(self.state)
        if not any(is_provider_finalizer(entry) for entry in seen.finalizers):
            self._finish("deleted")
            return
        if seen.provider is not None and seen.provider.foreign:
            self.step = f"the controller of provider {seen.provider.name} deletes its objects"
            self.pause = timedelta(seconds=self.limits.resync)
            return
        self.step, self.pause = "deleting the upstream objects", TERMINATING_POLL
        if self.state.phase is not Phase.TERMINATING:
            self.state.phase = Phase.TERMINATING
            await self._write_status([])
        left = timedelta(seconds=self.limits.finalizer_timeout) - (workflow.now() - deleted_at)
        provider = self.state.provider or providers_of(seen.finalizers)[0]
        remaining: list[str] | None = None
        if left > timedelta(0):
            answer = await call(
                replace(
                    RELEASE_UPSTREAM,
                    task_queue=provider_task_queue(provider),
                    inline=provider == self.state.provider and self.hosted,
                ),
                ReleaseRequest(ref=self.ref, uid=seen.uid, provider=provider),
                summary="delete the upstream objects",
                leave_if=lambda: self._overtaken(seen),
                leave_after=left,
            )
            if answer is None and self._overtaken(seen):
                self._look_again = self._decide_again = True
                return
            remaining = answer.remaining if answer is not None else None
            if remaining:
                self.step = f"waiting until gone: {', '.join(remaining)}"
                self.pause = min(TERMINATING_POLL, left)
                return
        if remaining is None or left <= timedelta(0):
            orphans = ", ".join(f"{entry.kind} {entry.name}" for entry in self.state.applied)
            words = (
                f"upstream objects not gone after {self.limits.finalizer_timeout:.0f} s; the finalizer is"
                f" removed all the same, which leaves behind: {orphans or 'nothing known'}"
            )
            warning = EventSpec(reason="FinalizerTimeout", message=words, warning=True)
            await call(
                WRITE_STATUS,
                StatusRequest(ref=self.ref, uid=seen.uid, status=None, events=[warning]),
                summary="finalizer time limit passed",
            )
        await call(
            REMOVE_FINALIZERS,
            FinalizerRequest(ref=self.ref, uid=seen.uid),
            summary="remove the finalizer",
        )
        self._finish("deleted")

    # -- waiting -----------------------------------------------------------------------------------------

    def _overtaken(self, seen: Observation) -> bool:
        """Whether what was heard since the deployment was read makes it out of date, or another one."""
        news = self._news
        if seen.deleted_at is None and (news.deleted or self._deleting):
            return True
        another = bool(news.uid) and news.uid != seen.uid
        return another or news.gone or news.generation > seen.generation

    def _diagnosis_is_due(self) -> bool:
        since = self.state.rollout_since
        if since is None or self.state.failure is not None:
            return False
        waited = workflow.now() - since
        return waited >= _doubled(FIRST_DIAGNOSIS_PAUSE, 1, MAX_DIAGNOSIS_PAUSE) * 0.9

    def _plan_next_look(self, *, accepted: bool) -> None:
        resync = timedelta(seconds=self.limits.resync * workflow.random().uniform(0.9, 1.1))
        if self.state.phase is Phase.DEPLOYING and self.state.rollout_since is not None:
            self.step = self.state.shown_message
            deadline = self.state.rollout_since + timedelta(seconds=self.limits.rollout_deadline)
            pause = _doubled(FIRST_DIAGNOSIS_PAUSE, self.state.diagnoses + 1, MAX_DIAGNOSIS_PAUSE)
            self.pause = max(min(pause, deadline - workflow.now()), timedelta(seconds=1))
        elif accepted:
            self.step = self.state.shown_message or str(self.state.phase)
            waiting = self.state.phase in (Phase.PENDING, Phase.DEPLOYING)
            self.pause = MAX_SELECTION_RETRY_PAUSE if waiting else resync
        else:
            self.step = self.state.shown_message

    async def _wait_for_a_reason(self) -> None:
        self.next_look = workflow.now() + self.pause
        try:
            await workflow.wait_condition(
                lambda: self._look_again, timeout=self.pause, timeout_summary="next look"
            )
        except TimeoutError:
            self._decide_again = True  # the safety net looks at everything
        self.next_look = None

    def _finish(self, words: str) -> None:
        self.finished, self.step = True, words

    def _history_is_long(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() > self.limits.history_events
        )

    # -- the Temporal UI -----------------------------------------------------------------------------------

    def _show(self) -> None:
        """Current details and search attributes, so that nobody needs to read payloads."""
        workflow.set_current_details(details_of(self.ref, self.state, self.step))
        if not self.search_attributes or self._is_passing_through():
            return
        shown = workflow.info().typed_search_attributes
        wanted = {
            PHASE: self.state.phase.value if self.state.phase else "",
            ENGINE: self.state.engine,
            PROVIDER: self.state.provider,
            NAMESPACE: self.ref.namespace,
        }
        changed = [key.value_set(value) for key, value in wanted.items() if value and shown.get(key) != value]
        if changed:
            workflow.upsert_search_attributes(changed)

    def _is_passing_through(self) -> bool:
        """A roll-out that has just begun: most are over in a moment, and an entry costs a write."""
        since = self.state.rollout_since
        return since is not None and workflow.now() - since < INDEX_AFTER


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    return min(first * float(2 ** min(times - 1, 10)), most)
