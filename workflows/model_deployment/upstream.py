"""A deployment's upstream objects, as its workflow has them rendered, applied, read and released.

The provider's steps. They are done on the workflow's own queue where its worker serves the provider, else on
the provider's. What was answered is taken over here; how long to wait then is for the workflow to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from airunway.api.adoption import recorded_adoption
from airunway.api.cluster_features import recorded_features, with_learned
from airunway.api.model_image import ModelImageRef
from airunway.api.names import provider_queue
from airunway.messages.decision import Observation
from airunway.messages.deployment import AppliedObject, EventSpec, RefusedChange, StepFailure
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.model_image import READ_MODEL_IMAGE, ReadModelImageRequest
from airunway.messages.refs import DeploymentRef
from airunway.messages.step import Answer, Request, Step
from airunway.messages.upstream import (
    APPLY_UPSTREAM,
    READ_READINESS,
    RELEASE_UPSTREAM,
    RENDER,
    ApplyAnswer,
    ApplyRequest,
    Readiness,
    ReadinessRequest,
    ReleaseAnswer,
    ReleaseRequest,
    RenderAnswer,
    RenderRequest,
)
from airunway.workflows.model_deployment.contention import (
    adopt_rivals,
    note_repairs,
    only_repairs,
    repairs_of,
)
from airunway.workflows.model_deployment.events import events_of_actions
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.pacing import Pacing, is_diagnosis_due
from airunway.workflows.model_deployment.rollout_updates import (
    Rollout,
    adopt_failure,
    adopt_followers,
    adopt_ignored_fields,
    adopt_objects,
    adopt_partly_applied,
    adopt_render,
    adopt_serving,
    adopt_stage_warnings,
)
from airunway.workflows.model_deployment.selection import Decided
from airunway.workflows.model_deployment.status_updates import set_all
from airunway.workflows.model_deployment.status_writer import StatusWriter
from airunway.workflows.steps import call

MAX_NAMED_WRITES = 4


@dataclass(frozen=True)
class RenderPlan:
    """A plan, and what it was asked with: applying makes the same objects again."""

    request: RenderRequest
    plan: RenderAnswer


class Upstream:
    """The provider's steps for one deployment, and what their answers change in its state."""

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
        self.served_locally = False
        """Workers on the workflow's own queue do the provider's steps."""

    async def render(self, decided: Decided, built: ModelImageRef | None) -> RenderPlan | None:
        """What the generation takes, and what of it has to be written; None: the deployment changed."""
        state, seen = self._state, decided.seen
        await self._writer.write_choice()
        self._pacing.step = f"rendering for {state.provider}"
        request = RenderRequest(
            ref=self._ref,
            uid=seen.uid,
            generation=seen.generation,
            resource_version=seen.resource_version,
            provider=state.provider,
            engine=state.engine,
            applied=state.applied,
            followed=state.followed,
            image=state.status.image,
            built_model_image=built,
            model_image_plan=state.model_image.plan if built and state.model_image else None,
            pinned_images=state.pinned_images,
            pods_seen=state.pods_seen,
            pod_label=state.pod_label,
            routed_by_gateway=decided.provider is not None and decided.provider.routed_by_gateway,
            cluster_features=recorded_features(state.conditions),
            refused=state.refused,
            adoption=recorded_adoption(state.conditions),
        )
        summary = f"objects of generation {seen.generation} on {state.provider}"
        answer = await self._call(replace(RENDER, inline=True), request, summary, decided)
        if answer is None or answer.superseded or answer.gone:
            return None
        adopt_render(state, answer, self._rollout(decided))
        if not state.finding:
            state.failed_attempts = 0
        return RenderPlan(request, answer)

    async def take_replaced_image(self, decided: Decided) -> bool:
        """The registry lost the model image that the deployment runs, and it was built again with another
        digest: the deployment takes that one, once. What it ran can be pulled nowhere any more.

        Whether there is another one; when that cannot be read now, the next reconcile asks again.
        """
        image = self._state.model_image
        if image is None or image.plan is None or image.image is None:
            return False
        request = ReadModelImageRequest(ref=self._ref, plan=image.plan)
        summary = f"which image of {image.spec.repository} there is now"
        try:
            found = await call(
                READ_MODEL_IMAGE,
                request,
                summary=summary,
                leave_if=lambda: self._inbox.is_stale(decided.seen),
            )
        except FailureError:
            return False
        before = image.image
        if found is None or found.image is None or found.image == before:
            return False
        image.image = found.image
        words = (
            f"the model was built again as {found.image.reference}, which takes the place of"
            f" {before.reference}: the registry does not have that one any more, so pods are replaced"
        )
        self._writer.add_events([EventSpec(reason="ModelImageReplaced", message=words)])
        self._journal.record("ModelImageReplaced", words, why="what cannot be pulled cannot be started again")
        return True

    async def apply(self, decided: Decided, rendered: RenderPlan) -> bool:
        """Do what was planned, if anything; false: the deployment changed.

        It is in the history before anything happens. What the API server answered is taken over.
        """
        plan = rendered.plan
        if plan.failure is not None and not plan.writes:
            return True
        if only_repairs(self._state, plan.planned, now=workflow.now()):
            return True  # it would go on with a fight
        if not plan.writes:
            adopt_objects(
                self._state, plan.objects, plan.status, self._rollout(decided), waiting=plan.waiting
            )
            adopt_followers(self._state, plan.followed)
            return True
        if plan.choice_is_free and not await self._writer.claim_choice(decided.seen):
            return False
        self._pacing.step = f"applying on {self._state.provider}"
        request = ApplyRequest(rendered_from=rendered.request, finalizer=plan.finalizer, planned=plan.planned)
        done = await self._call(APPLY_UPSTREAM, request, _writes(plan), decided)
        if done is None:
            return False
        written = [*done.objects, *(done.followed or ())]
        self._note_written(plan, done, written)
        if done.superseded or done.gone:
            return False
        self._writer.add_events(events_of_actions(written))
        repaired = repairs_of(written, plan.planned)
        self._writer.add_contest(note_repairs(self._state, repaired, now=workflow.now()))
        adopt_followers(self._state, done.followed)
        if done.failure is not None:
            adopt_partly_applied(self._state, done.objects)
            adopt_ignored_fields(self._state, plan.ignored_fields, now=workflow.now())
            if done.failure.learned:
                self._learn(done.failure)
                return False
            adopt_failure(self._state, done.failure, self._rollout(decided))
            plan.failure = done.failure
            return True
        adopt_objects(
            self._state,
            done.objects,
            done.status,
            self._rollout(decided),
            replacing=plan.replacing,
            waiting=plan.waiting,
        )
        adopt_ignored_fields(self._state, plan.ignored_fields, now=workflow.now())
        return True

    def _note_written(self, plan: RenderAnswer, done: ApplyAnswer, written: Sequence[AppliedObject]) -> None:
        self._journal.applied(plan.planned, written, done.deleted)
        self._journal.server_warnings([*self._state.applied, *self._state.followed], written)
        for name, told in done.stage_warnings.items():
            self._journal.warned(name, told)
        adopt_stage_warnings(self._state, done.stage_warnings)
        self._take_refused(done.refused)

    def _take_refused(self, change: RefusedChange | None) -> None:
        """A change that the object cannot take: it is made again for it by the next reconcile."""
        self._state.refused = change
        if change is not None:
            words = f"a change was refused, so the object is made again: {change.why}"
            self._journal.record("ChangeRefused", words, why="the spec asks for it")

    def _learn(self, failure: StepFailure) -> None:
        """A refusal told what else the objects have to be made for: once, and kept with the record."""
        record = with_learned(self._state.conditions, failure.learned)
        set_all(self._state, [record], now=workflow.now())
        words = f"{failure.message}; tried once more with {failure.learned}"
        self._journal.record("SecondTry", words, by="the API server", why="it tells the other way")
        self._writer.add_events([EventSpec(reason="SecondTry", message=words)])

    async def read(self, decided: Decided) -> Readiness | None:
        """The state of what was applied, in a slow roll-out with causes; None: the deployment changed."""
        state, diagnose = self._state, is_diagnosis_due(self._state)
        self._pacing.step = f"reading from {state.provider}"
        request = ReadinessRequest(
            ref=self._ref,
            uid=decided.seen.uid,
            generation=decided.seen.generation,
            provider=state.provider,
            applied=state.applied,
            follows=state.follows,
            diagnose=diagnose,
            pods_seen=state.pods_seen,
            pod_label=state.pod_label,
            contested=state.is_contested,
        )
        summary = f"is {_main_object(state)} ready" + (", and why not" if diagnose else "")
        seen = await self._call(replace(READ_READINESS, inline=True), request, summary, decided)
        if seen is None:
            return None
        state.diagnoses += diagnose
        self._writer.add_contest(adopt_rivals(state, seen.rivals, now=workflow.now()))
        adopt_followers(state, seen.followed)
        if not state.is_step_failed:
            adopt_objects(state, [], seen.status, self._rollout(decided), findings=seen.findings)
        elif seen.status is not None:
            adopt_serving(state, seen.status, findings=seen.findings, now=workflow.now())
        return seen

    async def release(self, seen: Observation, provider: str, *, within: timedelta) -> ReleaseAnswer | None:
        """Delete the objects; None: not done in time, or the deployment changed meanwhile."""
        here = seen.holder is not None and seen.holder.name == provider and seen.holder.served_locally
        return await call(
            replace(RELEASE_UPSTREAM, queue=provider_queue(provider)),
            ReleaseRequest(ref=self._ref, uid=seen.uid, provider=provider),
            summary=f"delete the upstream objects on {provider}",
            served_here=here,
            leave_if=lambda: self._inbox.is_stale(seen),
            leave_after=within,
        )

    async def _call(
        self, step: Step[Request, Answer], request: Request, summary: str, decided: Decided
    ) -> Answer | None:
        return await call(
            replace(
                step,
                queue=provider_queue(self._state.provider),
                # A person must see when a provider's worker is away or an object is not let in.
                deadline=timedelta(seconds=self._pacing.limits.step_patience),
            ),
            request,
            summary=summary,
            served_here=self.served_locally,
            leave_if=lambda: self._inbox.is_stale(decided.seen),
        )

    def _rollout(self, decided: Decided) -> Rollout:
        deadline = self._pacing.limits.rollout_deadline
        return Rollout(configs_digest=decided.configs_digest, deadline=deadline, now=workflow.now())


def _writes(plan: RenderAnswer) -> str:
    """What is going to be written, for the summary: `create Workspace chat`."""
    words = [str(entry) for entry in plan.planned[:MAX_NAMED_WRITES]]
    if len(plan.planned) > MAX_NAMED_WRITES:
        words.append(f"{len(plan.planned) - MAX_NAMED_WRITES} more")
    if plan.finalizer:
        words.append("hold the deployment by a finalizer")
    return ", ".join(words)


def _main_object(state: DeploymentState) -> str:
    return f"{state.applied[0].kind} {state.applied[0].name}" if state.applied else "anything"
