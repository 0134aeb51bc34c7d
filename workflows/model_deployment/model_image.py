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
from airunway.api.names import model_image_workflow_prefix
from airunway.messages.commands import RETRY
from airunway.messages.decision import Observation
from airunway.messages.deployment import EventSpec
from airunway.messages.deployment_state import (
    MODEL_IMAGE_READY,
    DeploymentState,
    ModelImageState,
)
from airunway.messages.failures import NOT_AS_OWNED, is_final, kind_of, message_of
from airunway.messages.model_image import ModelImagePhase, ModelImageReport
from airunway.messages.model_image_failures import BUILD_CANCELLED, reason_of
from airunway.messages.model_image_workflow import LEAVE_IMAGE
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan
from airunway.workflows.model_deployment.image_attempts import (
    count_failure,
    is_silent,
    patience,
    until_next_attempt,
)
from airunway.workflows.model_deployment.image_requests import join, read, resolve
from airunway.workflows.model_deployment.image_updates import (
    CANCELLED_WORDS,
    show_failed,
    show_ready,
    show_trouble,
    show_waiting,
)
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.status_writer import StatusWriter

MAX_STALE, RETRY_DELAY = 20, timedelta(seconds=30)  # reports of stale images may be anybody's


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
        """The image's workflow reports how far it is; what came of it is read by a whole reconcile."""
        image = self._state.model_image
        expected = image is not None and image.plan is not None and image.plan.identity == report.identity
        if image is None or not expected or image.phase.is_final:
            # From an image that it does not wait for any more, or wanted under another uid.
            if not report.phase.is_final and self._is_an_image(report.workflow_id):
                self._stale_images.add(report.workflow_id)
            self._inbox.ask(decide=not report.phase.is_final)
            return
        image.reported_at, image.next_within = workflow.now(), report.next_within
        if report.phase.is_final:
            image.outcome_due = True
        else:
            image.phase, image.progress = report.phase, report.progress
        self._progressed = True
        self._inbox.ask(decide=report.phase.is_final)

    def _is_an_image(self, workflow_id: str) -> bool:
        prefix = model_image_workflow_prefix(self._ref.cluster)
        return workflow_id.startswith(prefix) and len(self._stale_images) < MAX_STALE

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
        show_waiting(self._state, image, now=workflow.now())
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
                    return self._take_step_failure(err, image, configs_digest)
        if image.phase is ModelImagePhase.READY:
            # If it came during that await, the next reconcile, which is due already, renders with it.
            assert image.image is not None
            show_ready(self._state, image, image.image, now=workflow.now())
            return None
        if image.phase.is_final:
            show_failed(self._state, image, configs_digest, now=workflow.now())
            return until_next_attempt(image, now=workflow.now())
        show_waiting(self._state, image, now=workflow.now())
        return patience(image)

    async def _image_of(self, spec: ModelImageSpec) -> ModelImageState:
        """The state for the spec: what is known of it, or a new beginning."""
        image = self._state.model_image
        if image is not None and image.spec != spec:
            await self._forget()
            image = None
        if image is None:
            return self._begin_with(spec)
        again, image.retry_asked = image.retry_asked, False
        # A build is dear: what lies in it takes a person's retry or another generation to begin again.
        lost = image.phase in (ModelImagePhase.FAILED, ModelImagePhase.CANCELLED)
        again = again or (lost and image.generation != self._state.generation)
        if again and image.phase.is_final:
            # The commit stands, unless what failed was perhaps the commit.
            return self._begin_with(spec, None if image.phase is ModelImagePhase.FAILED else image.plan)
        if until_next_attempt(image, now=workflow.now()) == timedelta(0):
            return self._begin_with(spec, failures=image.failures)
        return image

    def _begin_with(
        self, spec: ModelImageSpec, plan: ModelImagePlan | None = None, *, failures: int = 0
    ) -> ModelImageState:
        begun = ModelImageState(spec=spec, plan=plan, failures=failures)
        begun.generation = self._state.generation
        self._state.model_image = begun
        return begun

    async def _wait_for(self, image: ModelImageState, seen: Observation) -> None:
        """Resolve the image and join its workflow; less when the deployment changes meanwhile."""
        if image.plan is None:
            resolved = await resolve(self._ref, image, leave_if=lambda: self._inbox.is_stale(seen))
            if resolved is None:
                return
            image.plan = resolved.plan
            if resolved.image is not None:
                image.phase, image.image = ModelImagePhase.READY, resolved.image
                self._inbox.ask()  # to render with it
                return
        elif image.outcome_due or (image.workflow_id and is_silent(image, now=workflow.now())):
            await self._read_outcome(image, image.plan, seen)
            if image.phase.is_final:
                return
        if is_silent(image, now=workflow.now()) or not image.workflow_id:
            await self._join(image, image.plan, seen)

    async def _read_outcome(self, image: ModelImageState, plan: ModelImagePlan, seen: Observation) -> None:
        """From the registry, else from its workflow: anybody may send a report, and one may be lost."""
        found = await read(self._ref, image, plan, leave_if=lambda: self._inbox.is_stale(seen))
        if found is None or image.phase.is_final:
            return
        said, image.outcome_due = image.outcome_due, False
        if not found.phase.is_final:
            if said:
                words = f"a report said that the image is done; it is {found.phase}"
                self._journal.record("NotBorneOut", words)
            # Join again: it does not count on this deployment any more, perhaps.
            image.reported_at, image.next_within = None, timedelta(0)
            return
        image.phase, image.image = found.phase, found.image
        image.reason, image.message = found.reason, found.message
        count_failure(image, now=workflow.now())
        self._record_outcome(image)

    async def _join(self, image: ModelImageState, plan: ModelImagePlan, seen: Observation) -> None:
        joined = await join(self._ref, image, plan, leave_if=lambda: self._inbox.is_stale(seen))
        if joined is None:
            return
        if not image.workflow_id:
            words = f"waiting for an image of {image.spec.repository}: {joined.workflow_id}"
            self._writer.add_events([EventSpec(reason="ImageRequested", message=words)])
            self._journal.record("ImageRequested", words, why="the provider serves the model from an image")
        image.workflow_id = joined.workflow_id
        image.reported_at = workflow.now()

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

    def _record_outcome(self, image: ModelImageState) -> None:
        if image.phase is ModelImagePhase.READY and image.image is not None:
            words = image.image.reference
            self._journal.record("ImageReady", words, by=image.workflow_id, why="the registry has it")
        else:
            self._journal.record(
                "ImageFailed", image.message or CANCELLED_WORDS, by=image.workflow_id, why=image.reason
            )

    def _take_step_failure(
        self, err: FailureError, image: ModelImageState, configs_digest: str
    ) -> timedelta | None:
        reason, words = reason_of(err), message_of(err)
        # One that the deployment itself does not bear out was overtaken by a change of it.
        if is_final(err) and kind_of(err) != NOT_AS_OWNED:
            image.phase, image.reason, image.message = ModelImagePhase.FAILED, reason, words
            count_failure(image, now=workflow.now())
            self._journal.record("ImageFailed", words, why=reason)
            show_failed(self._state, image, configs_digest, now=workflow.now())
            return until_next_attempt(image, now=workflow.now())
        show_trouble(self._state, reason, words, now=workflow.now())
        return RETRY_DELAY
