"""The life of one model image, from the first deployment that wants it until nobody waits any more.

Its id is the digest of all that goes into the image, so it is built once however many ask. They join and
leave by signal; the last one to leave cancels. The build is a workflow of its own (`build`), which goes on
while this one continues as new. When everybody is notified of the outcome the workflow ends; who joins later
starts it again, and finds the image in the registry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import MODEL_IMAGE_WORKFLOW, cluster_of, namespace_of
    from airunway.messages.commands import CANCEL_BUILD, RETRY, SOMEBODY, Asked, CommandAnswer
    from airunway.messages.model_image import (
        BuildProgress,
        ModelImagePhase,
        ModelImageReport,
        ModelImageWaiter,
    )
    from airunway.messages.model_image_failures import BUILD_CANCELLED, OF_TOKENS
    from airunway.messages.model_image_workflow import (
        BUILD_ENDED,
        IMAGE_PROGRESS,
        IMAGE_STEP,
        JOIN_IMAGE,
        LEAVE_IMAGE,
        BuildEnd,
        BuildFor,
        BuildStepBegun,
        ImageWorkflowState,
        ModelImageInput,
        ModelImageView,
        ReadBuildAnswer,
    )
    from airunway.messages.payloads import WrongPayload, read_text
    from airunway.workflows.model_image.build_handle import BuildHandle
    from airunway.workflows.model_image.reporting import ModelImageReporting
    from airunway.workflows.raw_payloads import NOTHING, Shape, decoded, read_signal, takes_any_payload
    from airunway.workflows.run_length import continue_as_new, should_continue_as_new


FIRST_WAITER = timedelta(minutes=1)
MAX_TOKENS = 50
"""Waiters whose tokens are tried: a request stays small, however many wait."""
MAX_HISTORY_EVENTS = 1_000
"""A new run begins once there are so many: thousands may join, and each costs some."""
MIN_HISTORY_EVENTS = 20


@workflow.defn(name=MODEL_IMAGE_WORKFLOW)
class ModelImageWorkflow:
    """One model image. Id: `image/<cluster>/<model>/<digest of what is built>`."""

    @workflow.init
    def __init__(self, start: ModelImageInput) -> None:
        state = start.state
        self._plan = start.plan
        self._cluster = cluster_of(workflow.info().workflow_id)
        self._reporting = ModelImageReporting(start.plan, state)
        self._waiters = self._reporting.waiters
        self._build = BuildHandle(start.plan, state.build)
        self._joined, self._again, self._retry = state.joined, state.again, state.retry
        self._cancelled_by = state.cancelled_by

    # -- what deployments and steps send ------------------------------------------------------------------

    @workflow.signal(name=JOIN_IMAGE, description="A deployment waits too (sent by its workflow).")
    @takes_any_payload
    def on_join(self, payload: RawValue = NOTHING) -> None:
        """A deployment waits too. Joining twice changes nothing."""
        waiter = self._read(JOIN_IMAGE, payload, ModelImageWaiter)
        if waiter is None or not self._is_of_here(waiter):
            return
        self._joined = True
        is_lost = self._phase in (ModelImagePhase.FAILED, ModelImagePhase.CANCELLED)
        if is_lost and waiter.waits_already:
            self._waiters.turn_away(waiter.workflow_id)  # it is told of the outcome as those who have a place
            return
        self._reporting.join(waiter)
        if is_lost:
            # The others are being notified of the outcome: whoever comes now wants another attempt.
            self._reporting.begin()
            self._again, self._cancelled_by = True, None

    @workflow.signal(name=LEAVE_IMAGE, description="A deployment waits no more (sent by its workflow).")
    @takes_any_payload
    def on_leave(self, payload: RawValue = NOTHING) -> None:
        """A deployment does not wait any more."""
        try:
            self._waiters.leave(read_text(decoded(payload)))
        except WrongPayload as err:
            self._reporting.note(f"signal {LEAVE_IMAGE} ignored: {err}")

    @workflow.signal(name=IMAGE_STEP, description="A step begins (sent by the build's workflow).")
    @takes_any_payload
    def on_step(self, payload: RawValue = NOTHING) -> None:
        """The build begins its next step."""
        step = self._read(IMAGE_STEP, payload, BuildStepBegun)
        if step is not None and self._hear_of_build():
            self._reporting.step_begins(step)

    @workflow.signal(name=IMAGE_PROGRESS, description="How far a step is (sent by the step).")
    @takes_any_payload
    def on_progress(self, payload: RawValue = NOTHING) -> None:
        """A step reports how far it is, or what is in its way."""
        progress = self._read(IMAGE_PROGRESS, payload, BuildProgress)
        if progress is None or not self._hear_of_build():
            return
        if progress.trouble and self._has_other_tokens:
            self._retry = True  # whose token was used may be gone; somebody else's may do
        self._reporting.progress(progress)

    @workflow.signal(name=BUILD_ENDED, description="The build has ended (sent by its workflow).")
    @takes_any_payload
    def on_build_ended(self, payload: RawValue = NOTHING) -> None:
        """Whoever says so: how it stands is read."""
        self._build.said_to_end()

    @workflow.signal(dynamic=True)
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Nobody here sends it."""
        self._reporting.note(f"unknown signal {name[:100]!r} ignored")

    # -- what people ask: as an update, which answers, or as a signal from the form of Temporal's UI --------

    @workflow.update(name=CANCEL_BUILD, description="Stop the build, whoever waits for the image.")
    def cancel_build(self, asked: Asked = SOMEBODY) -> CommandAnswer:
        """A person wants it stopped, whoever waits."""
        return self._cancel(asked)

    def _cancel(self, asked: Asked) -> CommandAnswer:
        self._cancelled_by = asked.words
        return CommandAnswer(message=f"building stopped; {len(self._waiters)} waited for the image")

    @cancel_build.validator
    def _may_be_cancelled(self, asked: Asked = SOMEBODY) -> None:
        self._refuse_if_over("nothing is being built")

    @workflow.update(name=RETRY, description="Do not wait for the next attempt: begin it now.")
    def retry(self, asked: Asked = SOMEBODY) -> CommandAnswer:
        """A person does not want to wait for the backoff between attempts."""
        return self._begin_again(asked)

    def _begin_again(self, asked: Asked) -> CommandAnswer:
        self._retry = True
        self._reporting.note(f"begun again by {asked.words}")
        return CommandAnswer(message=f"beginning again: {self._reporting.report.progress.step}")

    @retry.validator
    def _may_be_retried(self, asked: Asked = SOMEBODY) -> None:
        self._refuse_if_over("nothing is being tried; retry the deployment that wants the image")

    def _refuse_if_over(self, words: str) -> None:
        if self._phase.is_final:
            raise ApplicationError(f"{words}: the image is {self._phase}", type="Refused")
        if self._cancelled_by is not None:
            raise ApplicationError(
                f"{words}: the build was cancelled by {self._cancelled_by}", type="Refused"
            )

    @workflow.signal(name=CANCEL_BUILD, description="Stop the build. Optional: {by, reason}.")
    @takes_any_payload
    def on_cancel_build(self, payload: RawValue = NOTHING) -> None:
        """The same as the update, without an answer."""
        asked = self._read(CANCEL_BUILD, payload, Asked)
        if asked is not None and not self._phase.is_final:
            self._cancel(asked)

    @workflow.signal(name=RETRY, description="Begin the next attempt now. Optional: {by, reason}.")
    @takes_any_payload
    def on_retry(self, payload: RawValue = NOTHING) -> None:
        """The same as the update, without an answer."""
        asked = self._read(RETRY, payload, Asked)
        if asked is not None and not self._phase.is_final:
            self._begin_again(asked)

    def _is_of_here(self, waiter: ModelImageWaiter) -> bool:
        is_of_here = waiter.ref.cluster == self._cluster
        if not is_of_here:
            self._reporting.note(f"signal {JOIN_IMAGE} ignored: its deployment is of another cluster")
        return is_of_here

    def _read(self, signal: str, payload: RawValue, shape: type[Shape]) -> Shape | None:
        return read_signal(
            payload, shape, otherwise=lambda why: self._reporting.note(f"signal {signal} ignored: {why}")
        )

    @workflow.query(name="state")
    def view(self) -> ModelImageView:
        """Where the image stands."""
        return ModelImageView(report=self._reporting.report, waiting=self._waiters.ids)

    # -- the story -----------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: ModelImageInput) -> ModelImageReport:
        """The whole life. A cancellation of the workflow means the same as the command."""
        story = asyncio.create_task(self._live())
        while True:
            try:
                ended = await asyncio.shield(story)
                break
            except asyncio.CancelledError:
                if story.done():
                    raise  # the worker drops the run from its memory, which cancels everything
                self._cancelled_by = "a request to cancel the workflow"
        report = self._reporting.report
        if not ended:
            continue_as_new(ModelImageInput(plan=self._plan, state=self._carried()))
        if report.phase is ModelImagePhase.FAILED:
            raise ApplicationError(report.message, type=report.reason, non_retryable=True)
        return report

    async def _live(self) -> bool:
        """Have the image made, and notify everybody; False when the next run goes on with that."""
        self._reporting.show()
        notifying = asyncio.create_task(self._reporting.notify_loop())
        await self._first_waiter()
        while True:
            if not self._phase.is_final or self._again:
                self._again = False
                if await self._ensure_image():
                    self._reporting.notify_all()
            await workflow.wait_condition(lambda: self._again or self._is_over() or self._is_long())
            if self._is_over() or self._is_long():
                break
        await self._reporting.hold()
        await workflow.wait_condition(workflow.all_handlers_finished)
        notifying.cancel()
        return self._is_over()

    async def _first_waiter(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._joined, timeout=FIRST_WAITER)
        except TimeoutError:
            self._cancelled_by = "nobody, for nobody waits"

    async def _ensure_image(self) -> bool:
        """Have its build make it; False when that goes on and the next run follows it."""
        while True:
            if self._build.under_way is None:
                if self._is_unwanted():
                    self._cancelled()
                    return True
                await self._build.begin(self._wanted_for())
            ended = await self._follow_build()
            if ended is None:
                return False
            build = self._build.forget()
            stopped_for_nothing = build.stopping and ended.end is BuildEnd.CANCELLED
            may_do_with_another = ended.reason in OF_TOKENS and build.given.waiters != self._with_tokens()
            if not self._is_unwanted() and not stopped_for_nothing and not may_do_with_another:
                self._take(ended)
                return True

    async def _follow_build(self) -> ReadBuildAnswer | None:
        """How it ended; None when this run is too long to wait for that."""
        while not self._is_long():
            if self._is_to_stop():
                await self._build.stop()
            if self._retry:
                self._retry = False
                await self._build.begin_anew(self._wanted_for())
            if self._build.is_asked_after:
                found = await self._build.read(leave_if=self._has_to_do)
                if found is not None and found.end is not BuildEnd.RUNNING:
                    return found
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._has_to_do() or self._build.is_asked_after,
                    timeout=self._build.silence_left,
                    timeout_summary="for news of the build",
                )
        return None

    def _take(self, ended: ReadBuildAnswer) -> None:
        if ended.end is BuildEnd.DONE and ended.image is not None:
            self._reporting.ready(ended.image, was_there=ended.was_there)
        elif ended.end is BuildEnd.CANCELLED:
            self._cancelled_by = ended.message
            self._cancelled()
        else:
            self._reporting.failed(ModelImagePhase.FAILED, reason=ended.reason, message=ended.message)

    def _cancelled(self) -> None:
        by = f" by {self._cancelled_by}" if self._cancelled_by else ""
        message = f"the image build was cancelled{by}"
        self._reporting.failed(ModelImagePhase.CANCELLED, reason=BUILD_CANCELLED, message=message)

    # -- small things --------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        are_all_told = not self._waiters and not self._waiters.has_turned_away
        return self._phase.is_final and not self._again and are_all_told

    def _wanted_for(self) -> BuildFor:
        """Everybody's tokens, and the namespace of who has waited longest: empty when everybody has left."""
        namespace = next((namespace_of(workflow_id) for workflow_id in self._waiters.ids), "")
        return BuildFor(waiters=self._with_tokens(), namespace=namespace)

    def _with_tokens(self) -> list[ModelImageWaiter]:
        return [waiter for waiter in self._waiters.entries if waiter.token is not None][:MAX_TOKENS]

    @property
    def _has_other_tokens(self) -> bool:
        build = self._build.under_way
        return build is not None and build.given.waiters != self._with_tokens()

    def _hear_of_build(self) -> bool:
        """A sign of life; answers whether it counts: a late word of one that is to stop says nothing."""
        self._build.heard_of()
        build = self._build.under_way
        return build is not None and not build.stopping and not self._phase.is_final

    def _has_to_do(self) -> bool:
        return self._is_to_stop() or self._retry or self._is_long()

    def _is_to_stop(self) -> bool:
        build = self._build.under_way
        return self._is_unwanted() and build is not None and not build.stopping

    def _is_unwanted(self) -> bool:
        return self._cancelled_by is not None or not (self._waiters or self._reporting.more_wait)

    def _is_long(self) -> bool:
        # A run that has just begun gets on first, whichever version it should be on.
        length = workflow.info().get_current_history_length()
        return length > MIN_HISTORY_EVENTS and should_continue_as_new(MAX_HISTORY_EVENTS)

    def _carried(self) -> ImageWorkflowState:
        state = self._reporting.carried()
        state.joined, state.again, state.retry = self._joined, self._again, self._retry
        state.cancelled_by, state.build = self._cancelled_by, self._build.under_way
        return state

    @property
    def _phase(self) -> ModelImagePhase:
        return self._reporting.report.phase
