"""The life of one model image, from the first deployment that wants it until nobody waits any more.

Its id is the digest of all that goes into the image, so it is built once however many ask. They join and
leave by signal; the last one to leave cancels. When everybody is notified of the outcome the workflow ends;
who joins later starts it again, and finds the image in the registry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import namespace_of
    from airunway.messages.commands import CANCEL_BUILD, RETRY, SOMEBODY, Asked, CommandAnswer
    from airunway.messages.failures import error_type, message_of
    from airunway.messages.model_image import (
        ENSURE_BUILDER,
        ENSURE_REGISTRY,
        FIND_MODEL_IMAGE,
        FREE_SPACE,
        IMAGE_PROGRESS,
        JOIN_IMAGE,
        LEAVE_IMAGE,
        MODEL_IMAGE_WORKFLOW,
        PUBLISH_MODEL_IMAGE,
        BuildModelImageAnswer,
        BuildModelImageRequest,
        BuildProgress,
        EnsureAnswer,
        FindModelImageAnswer,
        FreeSpaceRequest,
        ModelImagePhase,
        ModelImageReport,
        ModelImageRequest,
        ModelImageView,
        ModelImageWaiter,
        PublishModelImageAnswer,
        PublishModelImageRequest,
        build_step,
    )
    from airunway.messages.model_image_failures import BUILD_CANCELLED, reason_of
    from airunway.messages.payloads import WrongPayload, read_text
    from airunway.messages.step import Answer, Request, Step
    from airunway.workflows import measures
    from airunway.workflows.model_image.reporting import ModelImageReporting
    from airunway.workflows.raw_payloads import NOTHING, Shape, decoded, read_signal, takes_any_payload
    from airunway.workflows.steps import call


FIRST_WAITER = timedelta(minutes=1)
CLEAN_UP_PATIENCE = timedelta(seconds=30)
MAX_TOKENS = 50
"""Waiters whose tokens are tried: a request stays small, however many wait."""


class Unwanted(Exception):
    """Nobody wants the image any more, or a person cancelled it."""


@workflow.defn(name=MODEL_IMAGE_WORKFLOW)
class ModelImageWorkflow:
    """One model image. Id: `image/<cluster>/<model>/<digest of what is built>`."""

    @workflow.init
    def __init__(self, start: ModelImageRequest) -> None:
        self._plan = start.plan
        self._reporting = ModelImageReporting(start.plan)
        self._waiters = self._reporting.waiters
        self._joined = False
        """Somebody has waited, who may have left again."""
        self._used: list[ModelImageWaiter] | None = None
        """Who waited when the build began that runs; their tokens are tried."""
        self._cancelled_by: str | None = None
        """Who wants it stopped, in words; None: nobody."""
        self._retry = False
        self._again = False
        """Somebody joined after a failure: there is another attempt."""

    # -- what deployments and steps send ------------------------------------------------------------------

    @workflow.signal(name=JOIN_IMAGE, description="A deployment waits too (sent by its workflow).")
    @takes_any_payload
    def on_join(self, payload: RawValue = NOTHING) -> None:
        """A deployment waits too. Joining twice changes nothing."""
        waiter = self._read(JOIN_IMAGE, payload, ModelImageWaiter)
        if waiter is None:
            return
        self._joined = True
        self._waiters.join(waiter.workflow_id, waiter)
        self._waiters.mark_pending(waiter.workflow_id)
        if self._phase in (ModelImagePhase.FAILED, ModelImagePhase.CANCELLED):
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

    @workflow.signal(name=IMAGE_PROGRESS, description="How far a step is (sent by the step).")
    @takes_any_payload
    def on_progress(self, payload: RawValue = NOTHING) -> None:
        """A step reports how far it is, or what is in its way."""
        progress = self._read(IMAGE_PROGRESS, payload, BuildProgress)
        if progress is None or self._phase.is_final:
            return
        if progress.trouble and self._used not in (None, self._with_tokens()):
            self._retry = True  # whose token was used may be gone; somebody else's may do
        self._reporting.progress(progress)

    @workflow.signal(dynamic=True)
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Nobody here sends it."""
        self._reporting.note(f"unknown signal {name[:100]} ignored")

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
    async def run(self, start: ModelImageRequest) -> ModelImageReport:
        """The whole life. A cancellation of the workflow means the same as the command."""
        story = asyncio.create_task(self._live())
        while True:
            try:
                return await asyncio.shield(story)
            except asyncio.CancelledError:
                if story.done():
                    raise  # the worker drops the run from its memory, which cancels everything
                self._cancelled_by = "a request to cancel the workflow"

    async def _live(self) -> ModelImageReport:
        """Ensure that the image is there, and notify everybody. Fails when it could not be built."""
        notifying = asyncio.create_task(self._reporting.notify_loop())
        try:
            await self._first_waiter()
            while True:
                self._again = False
                await self._ensure_image()
                self._reporting.notify_all()
                await workflow.wait_condition(lambda: self._again or not self._waiters)
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._again and not self._waiters:
                    break
        finally:
            notifying.cancel()
        report = self._reporting.report
        if report.phase is ModelImagePhase.FAILED:
            raise ApplicationError(report.message, type=report.reason, non_retryable=True)
        return report

    async def _first_waiter(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._joined, timeout=FIRST_WAITER)
        except TimeoutError:
            self._cancelled_by = "nobody, for nobody waits"

    async def _ensure_image(self) -> None:
        began = workflow.now()
        try:
            found = await self._find()
            if found.image is None:
                await self._prepare(ENSURE_REGISTRY, "registry")
            if found.unanswered:  # it may have been away only, with the image
                found = await self._find()
            if found.image is not None:
                self._reporting.ready(found.image, was_there=True)
                return
            await self._prepare(ENSURE_BUILDER, "builder")
            published = await self._publish(await self._build())
            self._reporting.ready(published.image, was_there=False)
            measures.image_build_ended("built", began=began)
        except Unwanted:
            was_building = self._phase is ModelImagePhase.BUILDING
            # First, so that whoever joins from now on is known to want another attempt.
            by = f" by {self._cancelled_by}" if self._cancelled_by else ""
            self._reporting.failed(
                ModelImagePhase.CANCELLED,
                reason=BUILD_CANCELLED,
                message=f"the image build was cancelled{by}",
            )
            self._reporting.notify_all()
            if was_building:
                measures.image_build_ended("cancelled", began=began)
                await self._clean_up()
        except FailureError as err:
            measures.image_build_ended("failed", began=began)
            self._reporting.failed(ModelImagePhase.FAILED, reason=reason_of(err), message=message_of(err))

    # -- its steps, in the order of the story ------------------------------------------------------------

    async def _find(self) -> FindModelImageAnswer:
        self._reporting.step("looking for the image in the registry", phase=ModelImagePhase.WAITING)
        return await self._call(FIND_MODEL_IMAGE, lambda: ModelImageRequest(plan=self._plan))

    async def _prepare(self, step: Step[ModelImageRequest, EnsureAnswer], words: str) -> None:
        self._reporting.step(f"preparing the {words}", phase=ModelImagePhase.WAITING)
        await self._call(step, lambda: ModelImageRequest(plan=self._plan, namespace=self._namespace()))

    async def _build(self) -> BuildModelImageAnswer:
        try:
            return await self._build_once()
        except FailureError as err:
            if error_type(err) != "NoSpace" or not await self._make_room():
                raise
        return await self._build_once()

    async def _build_once(self) -> BuildModelImageAnswer:
        self._reporting.build_begins()
        try:
            return await self._call(build_step(self._plan), self._build_request)
        finally:
            self._used = None

    def _build_request(self) -> BuildModelImageRequest:
        self._used = self._with_tokens()
        return BuildModelImageRequest(plan=self._plan, waiters=self._used, namespace=self._namespace())

    def _with_tokens(self) -> list[ModelImageWaiter]:
        return [waiter for waiter in self._waiters.entries if waiter.token is not None][:MAX_TOKENS]

    def _namespace(self) -> str:
        """Of who has waited longest; empty when everybody has left."""
        return next((namespace_of(workflow_id) for workflow_id in self._waiters.ids), "")

    async def _make_room(self) -> bool:
        self._reporting.step("making room at the builder", phase=ModelImagePhase.BUILDING)
        request = FreeSpaceRequest(plan=self._plan, everything=True)
        return (await self._call(FREE_SPACE, lambda: request)).freed_bytes > 0

    async def _publish(self, built: BuildModelImageAnswer) -> PublishModelImageAnswer:
        self._reporting.step("verifying the pushed image", phase=ModelImagePhase.BUILDING)
        request = PublishModelImageRequest(plan=self._plan, digest=built.digest)
        return await self._call(PUBLISH_MODEL_IMAGE, lambda: request)

    async def _clean_up(self) -> None:
        """Free what the cancelled build took. Best effort: the builder collects its garbage anyway."""
        step = replace(FREE_SPACE, deadline=CLEAN_UP_PATIENCE)
        try:
            await call(step, FreeSpaceRequest(plan=self._plan), summary="freeing space at the builder")
        except FailureError as err:
            workflow.logger.info("space not freed: %s", message_of(err))

    # -- how a step is called ----------------------------------------------------------------------------

    async def _call(self, step: Step[Request, Answer], request: Callable[[], Request]) -> Answer:
        """The answer of a step. Raises Unwanted as soon as nobody wants it, FailureError when it failed.

        `request` makes it again for each attempt: somebody else's token may be the one to use by then.
        """
        while True:
            if self._is_unwanted():
                raise Unwanted
            self._retry = False
            summary = self._reporting.report.progress.step
            answer = await call(step, request(), summary=summary, leave_if=self._is_disturbed)
            if answer is not None:
                return answer

    def _is_disturbed(self) -> bool:
        return self._is_unwanted() or self._retry

    def _is_unwanted(self) -> bool:
        return self._cancelled_by is not None or not self._waiters

    @property
    def _phase(self) -> ModelImagePhase:
        return self._reporting.report.phase
