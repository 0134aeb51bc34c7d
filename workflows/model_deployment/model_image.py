"""A deployment's part in its model image: ask for it, wait, let go of it.

Apart from `model_deployment`, whose passes call it in three places: with the provider's wish, when the
deployment goes, and when only progress is news. Between passes the image's workflow reports by signal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from airunway.api.names import ANNOTATION_CANCEL_BUILD, image_workflow_id
from airunway.api.status import Phase
from airunway.messages.deployment import BuiltImage, DeploymentRef, EventSpec, ImageWish
from airunway.messages.failures import is_final, message_of
from airunway.messages.model_image import (
    BUILD_CANCELLED,
    JOIN_IMAGE,
    RESOLVE_IMAGE,
    ImagePhase,
    ImageReport,
    JoinImageRequest,
    ResolveImageRequest,
    TokenRef,
    Waiter,
    reason_of,
)
from airunway.workflows.model_deployment.image_state import BUILDING, CONDITION, READY, ModelImage
from airunway.workflows.model_deployment.state import DeploymentState, StandingFailure
from airunway.workflows.steps import call

SILENCE = timedelta(minutes=3)
"""Without a report for this long the image is joined again: its workflow may have been terminated."""
RETRY_PAUSE = timedelta(seconds=30)
CANCELLED_WORDS = "the image build was cancelled; `airunway retry` or a change of the spec starts it again"
ANNOTATED_WORDS = (
    f"the image build is cancelled by the annotation {ANNOTATION_CANCEL_BUILD}; remove it to build"
)


class DeploymentImage:
    """The image side of one deployment's workflow. Its state is in `DeploymentState`."""

    def __init__(self, ref: DeploymentRef) -> None:
        self._ref = ref
        self.held = False
        """Paused: nothing is written."""
        self.events: list[EventSpec] = []
        self._progressed = False
        self._strangers: set[str] = set()

    # -- signals -----------------------------------------------------------------------------------------

    def hear(self, report: ImageReport, state: DeploymentState) -> bool:
        """Take over a report; whether it is the outcome, which takes a whole pass."""
        image = state.model_image
        expected = image is not None and image.plan is not None and image.plan.identity == report.identity
        if image is None or not expected or image.phase.is_final:
            # From an image that this deployment does not wait for any more, or wanted under another uid.
            if not report.phase.is_final:
                self._strangers.add(image_workflow_id(report.identity))
            return not report.phase.is_final
        image.hear(report, workflow.now())
        self._progressed = True
        return report.phase.is_final

    def cancel(self, state: DeploymentState) -> None:
        """A person does not want the image built that this deployment waits for, if it does."""
        if state.model_image is not None:
            state.model_image.cancel_asked = not state.model_image.phase.is_final

    def retry(self, state: DeploymentState) -> None:
        """A person wants another attempt."""
        if state.model_image is not None:
            state.model_image.cancel_asked, state.model_image.retry_asked = False, True

    # -- passes ------------------------------------------------------------------------------------------

    def shows_progress(self, state: DeploymentState) -> bool:
        """Whether a report came that only the status has to tell; takes it over."""
        progressed, self._progressed = self._progressed, False
        image = state.model_image
        if not progressed or image is None or image.phase.is_final or self.held:
            return False
        self._show_waiting(state)
        return True

    async def do_what_was_asked(self, state: DeploymentState) -> None:
        """Before anything else of a pass: a build is stopped even while paused, or without a provider."""
        image = state.model_image
        if image is None or image.phase.is_final:  # it may have been told meanwhile
            return
        if image.cancel_asked:
            image.cancel_asked = False
            await self._cancel(image, state)
        elif image.retry_asked and image.is_waiting and image.progress.trouble:
            image.retry_asked = False
            with contextlib.suppress(FailureError):  # it has ended
                await workflow.get_external_workflow_handle(image.workflow_id).signal("retry")

    async def begin(self, state: DeploymentState, *, cancel: bool) -> None:
        """At the beginning of a pass: without the annotation that cancelled the build it is wanted again."""
        await self._leave_strangers()
        if state.model_image is not None and state.model_image.annotated and not cancel:
            state.model_image.annotated, state.model_image.retry_asked = False, True
            state.forget_failure()

    def built(self, state: DeploymentState) -> BuiltImage | None:
        """The image for rendering, if there is one."""
        return state.model_image.built if state.model_image else None

    async def follow(
        self,
        wish: ImageWish | None,
        state: DeploymentState,
        *,
        cancel: bool,
        configs_digest: str,
        overtaken: Callable[[], bool],
    ) -> timedelta | None:
        """Do what a pass can do for the wish; the pause until the next look, None when that is not ours.

        `cancel`: the annotation says that no image is to be built.
        """
        if wish is None:
            await self._forget(state)
            return None
        image = await self._image_for(wish, state)
        if cancel and not image.phase.is_final:
            await self._cancel(image, state)
            image.annotated = True
        if not image.phase.is_final:
            try:
                await self._wait_for(image, overtaken)
            except FailureError as err:
                if image.phase is not ImagePhase.READY:  # it may have been told all the same
                    return self._step_failed(err, image, state, configs_digest)
        if image.phase is ImagePhase.READY:
            # If it was told during that await, the next pass, which is due already, renders with it.
            self._show_ready(state)
            return None
        if image.phase.is_final:
            self._show_failed(state, configs_digest)
            return None
        self._show_waiting(state)
        return SILENCE

    async def _image_for(self, wish: ImageWish, state: DeploymentState) -> ModelImage:
        """The state for the wish: what is known of it, or a new beginning."""
        image = state.model_image
        if image is not None and image.wish != wish:
            await self._forget(state)
            image = None
        again = image is not None and image.retry_asked
        if image is not None:
            image.retry_asked = False
        if image is not None and image.phase in (ImagePhase.FAILED, ImagePhase.CANCELLED):
            # A build is dear: only a person's wish or another spec is a reason to begin again.
            again = again or image.generation != state.generation
        if image is None:
            state.model_image = image = ModelImage(wish=wish, generation=state.generation)
        elif again and image.phase.is_final:
            # The commit stands, unless what failed was perhaps the commit.
            plan = None if image.phase is ImagePhase.FAILED else image.plan
            state.model_image = image = ModelImage(wish=wish, generation=state.generation, plan=plan)
        return image

    async def _wait_for(self, image: ModelImage, overtaken: Callable[[], bool]) -> None:
        if image.plan is None:
            resolved = await call(
                RESOLVE_IMAGE,
                ResolveImageRequest(ref=self._ref, wish=image.wish),
                summary=f"resolve {image.wish.repository}",
                leave_if=overtaken,
            )
            if resolved is None:
                return
            image.plan = resolved.plan
        silent = image.heard_at is None or workflow.now() - image.heard_at >= SILENCE
        if image.workflow_id and not silent:
            return
        secret = image.wish.token_secret
        token = TokenRef(namespace=self._ref.namespace, name=secret) if secret else None
        joined = await call(
            JOIN_IMAGE,
            JoinImageRequest(
                plan=image.plan, waiter=Waiter(workflow_id=workflow.info().workflow_id, token=token)
            ),
            summary=f"wait for the image of {image.wish.repository}",
            leave_if=overtaken,
        )
        if joined is None:
            return
        if not image.workflow_id:
            words = f"waiting for an image of {image.wish.repository}: {joined.workflow_id}"
            self.events.append(EventSpec(reason="ImageRequested", message=words))
        image.workflow_id = joined.workflow_id

    # -- letting go --------------------------------------------------------------------------------------

    async def leave(self, state: DeploymentState) -> None:
        """Let go of the image, if this deployment waits for one: the last to leave cancels the build."""
        image = state.model_image
        if image is not None and image.is_waiting:
            await self._leave(image.workflow_id)
            image.workflow_id = ""
        await self._leave_strangers()

    async def _cancel(self, image: ModelImage, state: DeploymentState) -> None:
        await self.leave(state)
        image.phase, image.reason, image.generation = ImagePhase.CANCELLED, BUILD_CANCELLED, state.generation

    async def _leave_strangers(self) -> None:
        while self._strangers:
            await self._leave(min(self._strangers))

    async def _leave(self, workflow_id: str) -> None:
        self._strangers.discard(workflow_id)
        with contextlib.suppress(FailureError):  # it has ended
            await workflow.get_external_workflow_handle(workflow_id).signal(
                "leave", workflow.info().workflow_id
            )

    async def _forget(self, state: DeploymentState) -> None:
        """The deployment wants no image, or another one."""
        if state.model_image is None:
            return
        await self.leave(state)
        state.model_image, state.image = None, None
        state.conditions.pop(CONDITION, None)

    # -- what is shown -------------------------------------------------------------------------------------

    def _show_waiting(self, state: DeploymentState) -> None:
        image, now = state.model_image, workflow.now()
        assert image is not None
        state.condition(CONDITION, "False", BUILDING, image.words, now=now)
        if not state.applied:
            state.phase, state.message = Phase.PENDING, image.words
            state.condition("Ready", "False", "DeploymentInProgress", image.words, now=now)

    def _show_ready(self, state: DeploymentState) -> None:
        image = state.model_image
        assert image is not None
        state.image = image.status()
        state.condition(CONDITION, "True", READY, image.reference, now=workflow.now())

    def _show_failed(self, state: DeploymentState, configs_digest: str) -> None:
        """A final failure: it stays until a retry, or a change of the spec or of the configs."""
        image, now = state.model_image, workflow.now()
        assert image is not None
        reason = image.reason or "BuildFailed"
        message = image.message
        if image.phase is ImagePhase.CANCELLED:
            message = ANNOTATED_WORDS if image.annotated else CANCELLED_WORDS
        state.condition(CONDITION, "False", reason, message, now=now)
        state.failure = StandingFailure(
            generation=state.generation, configs_digest=configs_digest, reason=reason
        )
        if not state.applied:
            state.phase, state.message = Phase.FAILED, message
            state.condition("Ready", "False", "DeploymentFailed", message, now=now)

    def _step_failed(
        self, err: FailureError, image: ModelImage, state: DeploymentState, configs_digest: str
    ) -> timedelta | None:
        if is_final(err):
            image.phase, image.reason, image.message = ImagePhase.FAILED, reason_of(err), message_of(err)
            self._show_failed(state, configs_digest)
            return None
        words = message_of(err)
        state.condition(CONDITION, "False", reason_of(err), words, now=workflow.now())
        if not state.applied:
            state.phase, state.message = Phase.PENDING, words
        return RETRY_PAUSE
