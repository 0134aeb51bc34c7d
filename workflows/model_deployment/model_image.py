"""A deployment's part in its model image: ask for it, wait, let go of it.

Apart from the workflow, whose reconciles call it in three places: with the provider's spec of the image, when
the deployment goes, and when only progress is to be shown. Between reconciles the image's workflow reports by
signal.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from airunway.api.conditions import find_condition, remove_condition
from airunway.api.core_types import ConditionStatus
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.api.status import Phase
from airunway.messages.commands import RETRY
from airunway.messages.decision import Observation
from airunway.messages.deployment import EventSpec
from airunway.messages.deployment_state import (
    IMAGE_BUILDING,
    MODEL_IMAGE_READY,
    DeploymentState,
    ModelImageState,
    StandingFailure,
)
from airunway.messages.failures import is_final, message_of
from airunway.messages.model_image import (
    BUILD_CANCELLED,
    JOIN_MODEL_IMAGE,
    LEAVE_IMAGE,
    RESOLVE_MODEL_IMAGE,
    JoinModelImageRequest,
    ModelImagePhase,
    ModelImageReport,
    ModelImageWaiter,
    ResolveModelImageRequest,
    TokenRef,
    reason_of,
)
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan
from airunway.workflows.model_deployment.details import model_image_words
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.status_updates import serving_image_status, set_condition
from airunway.workflows.model_deployment.status_writer import StatusWriter
from airunway.workflows.steps import call, fair_between

SILENCE = timedelta(minutes=3)
"""Beyond the time within which the image's workflow meant to report. Then the image is joined again: that
workflow may have been terminated."""
RETRY_DELAY = timedelta(seconds=30)
CANCELLED_WORDS = "the image build was cancelled; `airunway retry` or a change of the spec starts it again"


class DeploymentModelImage:
    """The image side of one deployment's workflow. What it knows is in `DeploymentState.model_image`."""

    def __init__(
        self,
        ref: DeploymentRef,
        state: DeploymentState,
        inbox: Inbox,
        *,
        writer: StatusWriter,
        journal: JournalWriter,
    ) -> None:
        self._ref, self._state, self._inbox = ref, state, inbox
        self._writer, self._journal = writer, journal
        self.paused = False
        """Nothing is written."""
        self._progressed = False
        self._stale_images: set[str] = set()
        """Workflows of images that this deployment does not want any more, but that count on it."""

    # -- signals -----------------------------------------------------------------------------------------

    def on_report(self, report: ModelImageReport) -> None:
        """The image's workflow reports how far it is; the outcome takes a whole reconcile."""
        image = self._state.model_image
        expected = image is not None and image.plan is not None and image.plan.identity == report.identity
        if image is None or not expected or image.phase.is_final:
            # From an image that this deployment does not wait for any more, or wanted under another uid.
            if not report.phase.is_final:
                self._stale_images.add(report.workflow_id)
            self._inbox.ask(decide=not report.phase.is_final)
            return
        image.reported_at, image.next_within = workflow.now(), report.next_within
        image.phase, image.progress = report.phase, report.progress
        image.image, image.reason, image.message = report.image, report.reason, report.message
        if image.phase.is_final:
            self._record_outcome(image, report)
        self._progressed = True
        self._inbox.ask(decide=report.phase.is_final)

    def cancel(self) -> None:
        """A person does not want the image built that this deployment waits for, if it does."""
        image = self._state.model_image
        if image is not None:
            image.cancel_asked = not image.phase.is_final

    @property
    def can_be_cancelled(self) -> bool:
        """Whether a build is waited for."""
        image = self._state.model_image
        return image is not None and not image.phase.is_final and not image.cancel_asked

    @property
    def failed(self) -> bool:
        """Whether there is anything to try again."""
        image = self._state.model_image
        if image is None:
            return False
        lost = image.phase in (ModelImagePhase.FAILED, ModelImagePhase.CANCELLED)
        return lost or bool(image.progress.trouble)

    @property
    def is_unfinished(self) -> bool:
        """Whether an outcome is to come, or came and was not taken into the objects yet.

        What is read meanwhile of the objects as they were (a pull that fails) is no reason to leave them so.
        """
        image = self._state.model_image
        if image is None:
            return False
        shown = find_condition(self._state.conditions, MODEL_IMAGE_READY)
        taken = shown is not None and shown.status is ConditionStatus.TRUE
        return image.retry_asked or not image.phase.is_final or (self.built() is not None and not taken)

    def retry(self) -> None:
        """A person wants another attempt."""
        image = self._state.model_image
        if image is not None:
            image.cancel_asked, image.retry_asked = False, True

    # -- reconciling -------------------------------------------------------------------------------------

    def takes_progress(self) -> bool:
        """Whether a report came that only the status has to show; takes it over."""
        progressed, self._progressed = self._progressed, False
        image = self._state.model_image
        if not progressed or image is None or image.phase.is_final or self.paused:
            return False
        self._show_waiting(image)
        return True

    async def do_what_was_asked(self) -> None:
        """Before anything else: a build is stopped even while paused, or without a provider."""
        image = self._state.model_image
        if image is None or image.phase.is_final:  # the outcome may have come meanwhile
            return
        if image.cancel_asked:
            image.cancel_asked = False
            await self._cancel(image)
        elif image.retry_asked and image.is_waiting and image.progress.trouble:
            image.retry_asked = False
            with contextlib.suppress(FailureError):  # it has ended
                await workflow.get_external_workflow_handle(image.workflow_id).signal(RETRY)

    async def leave_stale(self) -> None:
        """Leave the images that are not wanted any more."""
        while self._stale_images:
            await self._leave(min(self._stale_images))

    def built(self) -> ModelImageRef | None:
        """The image for rendering, if there is one."""
        return self._state.model_image.built if self._state.model_image else None

    async def follow(
        self, spec: ModelImageSpec | None, seen: Observation, configs_digest: str
    ) -> timedelta | None:
        """Do what a reconcile can do for the image that the provider wants.

        Answers the delay until the next reconcile; None when that is not for the image to say.
        """
        if spec is None:
            await self._forget()
            return None
        image = await self._image_of(spec)
        if not image.phase.is_final:
            try:
                await self._wait_for(image, seen)
            except FailureError as err:
                if image.phase is not ModelImagePhase.READY:  # the outcome may have come all the same
                    return self._show_step_failure(err, image, configs_digest)
        if image.phase is ModelImagePhase.READY:
            # If it came during that await, the next reconcile, which is due already, renders with it.
            self._show_ready(image)
            return None
        if image.phase.is_final:
            self._show_failed(image, configs_digest)
            return None
        self._show_waiting(image)
        return _patience(image)

    async def _image_of(self, spec: ModelImageSpec) -> ModelImageState:
        """The state for the spec: what is known of it, or a new beginning."""
        image = self._state.model_image
        if image is not None and image.spec != spec:
            await self._forget()
            image = None
        if image is None:
            return self._begin_with(spec)
        again, image.retry_asked = image.retry_asked, False
        if image.phase in (ModelImagePhase.FAILED, ModelImagePhase.CANCELLED):
            # A build is dear: only a person's retry or another generation is a reason to begin again.
            again = again or image.generation != self._state.generation
        if again and image.phase.is_final:
            # The commit stands, unless what failed was perhaps the commit.
            return self._begin_with(spec, None if image.phase is ModelImagePhase.FAILED else image.plan)
        return image

    def _begin_with(self, spec: ModelImageSpec, plan: ModelImagePlan | None = None) -> ModelImageState:
        image = ModelImageState(spec=spec, generation=self._state.generation, plan=plan)
        self._state.model_image = image
        return image

    async def _wait_for(self, image: ModelImageState, seen: Observation) -> None:
        """Resolve the image and join its workflow; less when the deployment changes meanwhile."""
        if image.plan is None:
            resolved = await call(
                RESOLVE_MODEL_IMAGE,
                ResolveModelImageRequest(ref=self._ref, spec=image.spec),
                summary=f"resolve {image.spec.repository}",
                leave_if=lambda: self._inbox.is_stale(seen),
            )
            if resolved is None:
                return
            image.plan = resolved.plan
            if resolved.image is not None:
                image.phase, image.image = ModelImagePhase.READY, resolved.image
                self._inbox.ask()  # to render with it
                return
        silent = image.reported_at is None or workflow.now() - image.reported_at >= _patience(image)
        if silent or not image.workflow_id:
            await self._join(image, image.plan, seen)

    async def _join(self, image: ModelImageState, plan: ModelImagePlan, seen: Observation) -> None:
        secret = image.spec.token_secret
        token = TokenRef(namespace=self._ref.namespace, name=secret) if secret else None
        joined = await call(
            JOIN_MODEL_IMAGE,
            JoinModelImageRequest(
                plan=plan, waiter=ModelImageWaiter(workflow_id=workflow.info().workflow_id, token=token)
            ),
            summary=f"build the image of {image.spec.repository}, or wait for it with others",
            priority=fair_between(self._ref.namespace),
            leave_if=lambda: self._inbox.is_stale(seen),
        )
        if joined is None:
            return
        if not image.workflow_id:
            words = f"waiting for an image of {image.spec.repository}: {joined.workflow_id}"
            self._writer.add_events([EventSpec(reason="ImageRequested", message=words)])
            self._journal.record("ImageRequested", words, why="the provider serves the model from an image")
        image.workflow_id = joined.workflow_id

    # -- letting go --------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Let go of the image, if this deployment waits for one: the last to leave cancels the build."""
        image = self._state.model_image
        if image is not None and image.is_waiting:
            await self._leave(image.workflow_id)
            image.workflow_id = ""
        await self.leave_stale()

    async def _cancel(self, image: ModelImageState) -> None:
        await self.leave()
        image.phase, image.reason = ModelImagePhase.CANCELLED, BUILD_CANCELLED
        image.generation = self._state.generation
        self._journal.record(
            "BuildCancelled", f"not waiting for the image of {image.spec.repository} any more"
        )

    async def _leave(self, workflow_id: str) -> None:
        self._stale_images.discard(workflow_id)
        with contextlib.suppress(FailureError):  # it has ended
            await workflow.get_external_workflow_handle(workflow_id).signal(
                LEAVE_IMAGE, workflow.info().workflow_id
            )

    async def _forget(self) -> None:
        """The deployment wants no image, or another one."""
        if self._state.model_image is None:
            return
        await self.leave()
        self._state.model_image, self._state.status.image = None, None
        remove_condition(self._state.conditions, MODEL_IMAGE_READY)

    def _record_outcome(self, image: ModelImageState, report: ModelImageReport) -> None:
        if image.phase is ModelImagePhase.READY and image.image is not None:
            how = "was there already" if report.was_there else "built"
            self._journal.record("ImageReady", image.image.reference, by=report.workflow_id, why=how)
        else:
            self._journal.record(
                "ImageFailed", report.message or CANCELLED_WORDS, by=report.workflow_id, why=report.reason
            )

    # -- what is shown -------------------------------------------------------------------------------------

    def _show_waiting(self, image: ModelImageState) -> None:
        words = model_image_words(image)
        set_condition(self._state, MODEL_IMAGE_READY, "False", IMAGE_BUILDING, words, now=workflow.now())
        self._show_unless_applied(Phase.PENDING, "DeploymentInProgress", words)

    def _show_ready(self, image: ModelImageState) -> None:
        assert image.image is not None
        self._state.status.image = serving_image_status(image, image.image)
        reference = image.image.reference
        set_condition(self._state, MODEL_IMAGE_READY, "True", "ImageReady", reference, now=workflow.now())

    def _show_failed(self, image: ModelImageState, configs_digest: str) -> None:
        """A final failure: it stays until a retry, or a change of the spec or of the configs."""
        state = self._state
        reason, message = image.reason or "BuildFailed", image.message
        if image.phase is ModelImagePhase.CANCELLED:
            message = CANCELLED_WORDS
        set_condition(state, MODEL_IMAGE_READY, "False", reason, message, now=workflow.now())
        state.failure = StandingFailure(
            generation=state.generation, configs_digest=configs_digest, reason=reason, message=message
        )
        self._show_unless_applied(Phase.FAILED, "DeploymentFailed", message)

    def _show_step_failure(
        self, err: FailureError, image: ModelImageState, configs_digest: str
    ) -> timedelta | None:
        reason, words = reason_of(err), message_of(err)
        if is_final(err):
            image.phase, image.reason, image.message = ModelImagePhase.FAILED, reason, words
            self._journal.record("ImageFailed", words, why=reason)
            self._show_failed(image, configs_digest)
            return None
        set_condition(self._state, MODEL_IMAGE_READY, "False", reason, words, now=workflow.now())
        if not self._state.applied:
            self._state.status.phase, self._state.status.message = Phase.PENDING, words
        return RETRY_DELAY

    def _show_unless_applied(self, phase: Phase, reason: str, words: str) -> None:
        if not self._state.applied:
            self._state.status.phase, self._state.status.message = phase, words
            set_condition(self._state, "Ready", "False", reason, words, now=workflow.now())


def _patience(image: ModelImageState) -> timedelta:
    return SILENCE + 2 * image.next_within
