"""The life of one model image, from the first deployment that wants it until nobody waits any more.

Its id is the digest of all that goes into the image, so it is built once however many ask. They join and
leave by signal; the last one to leave cancels. When the outcome is told to everybody the workflow ends; who
joins later starts it again, and finds the image in the registry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import BaseModel, Field
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.messages.failures import error_type, message_of
    from airunway.messages.model_image import (
        BUILD_CANCELLED,
        ENSURE_BUILDER,
        ENSURE_REGISTRY,
        FIND_IMAGE,
        FREE_SPACE,
        PUBLISH_IMAGE,
        BuildImageAnswer,
        BuildImageRequest,
        EnsureAnswer,
        FindImageAnswer,
        FreeSpaceRequest,
        ImagePhase,
        ImageProgress,
        ImageReport,
        ImageRequest,
        PublishImageRequest,
        TokenRef,
        Waiter,
        build_step,
        reason_of,
    )
    from airunway.messages.step import Answer, Request, Step
    from airunway.workflows.model_image.details import details_of_image
    from airunway.workflows.steps import call

PROGRESS_FIRST, PROGRESS_EVERY = timedelta(seconds=1), timedelta(seconds=10)
"""How often a deployment is told of mere progress, at first and of a long build; each time costs it a write
of its status."""
BETWEEN_STEPS = timedelta(seconds=1)
FIRST_WAITER = timedelta(minutes=1)


class ImageView(BaseModel):
    """Answer of the query `state`."""

    report: ImageReport
    waiting: list[str] = Field(default_factory=list)
    """Workflows of the deployments that wait."""


class Stopped(Exception):
    """Nobody wants the image any more, or a person cancelled it."""


@workflow.defn(name="ModelImageWorkflow")
class ModelImageWorkflow:
    """One model image. Id: `image/<digest of what is built>`."""

    @workflow.init
    def __init__(self, start: ImageRequest) -> None:
        self.plan = start.plan
        self.report = self._fresh_report()
        self.waiters: dict[str, Waiter] = {}
        self._joined = False
        """Somebody has waited, who may have left again."""
        self._untold: set[str] = set()
        self._told_at: datetime | None = None
        self._building_since: datetime | None = None
        self._used_tokens: list[TokenRef] | None = None
        """Of the build that runs."""
        self._sent_at: datetime | None = None
        self._cancel = False
        self._retry = False
        self._again = False

    # -- signals and queries -----------------------------------------------------------------------------

    @workflow.signal
    def join(self, waiter: Waiter) -> None:
        """A deployment waits too. Joining twice changes nothing."""
        self._joined = True
        self.waiters[waiter.workflow_id] = waiter
        self._untold.add(waiter.workflow_id)
        if self.report.phase in (ImagePhase.FAILED, ImagePhase.CANCELLED):
            # The outcome is being told to the others: whoever comes now wants another attempt.
            self.report, self._again, self._cancel = self._fresh_report(), True, False

    @workflow.signal
    def leave(self, workflow_id: str) -> None:
        """A deployment does not wait any more."""
        self.waiters.pop(workflow_id, None)
        self._untold.discard(workflow_id)

    @workflow.signal
    def progress(self, progress: ImageProgress) -> None:
        """A step tells how far it is, or what is in its way."""
        if self.report.phase.is_final:
            return
        shown = self.report.progress
        if progress.trouble and self._used_tokens not in (None, self._tokens()):
            self._retry = True  # whose token was used may be gone; somebody else's may do
        news = (progress.step, progress.trouble) != (shown.step, shown.trouble)
        self.report.progress = progress
        if news or self._told_at is None or workflow.now() - self._told_at >= self._pause():
            self._tell_everybody()

    def _pause(self) -> timedelta:
        """Until mere progress is told again."""
        since = workflow.now() - self._building_since if self._building_since else timedelta(0)
        pause = min(max(since / 5, PROGRESS_FIRST), PROGRESS_EVERY)
        # The more deployments wait, the less often: each of them costs this history some events.
        return pause * max(1, len(self.waiters) / 4)

    @workflow.signal
    def cancel_build(self) -> None:
        """A person wants it stopped, whoever waits."""
        self._cancel = True

    @workflow.signal
    def retry(self) -> None:
        """A person does not want to wait for the pause between attempts."""
        self._retry = True

    @workflow.query(name="state")
    def view(self) -> ImageView:
        """Where the image stands."""
        return ImageView(report=self.report, waiting=list(self.waiters))

    # -- the story -----------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: ImageRequest) -> ImageReport:
        """Bring the image about and tell everybody. Fails when the image could not be built."""
        teller = asyncio.create_task(self._tell_forever())
        try:
            await self._first_waiter()
            while True:
                self._again = False
                await self._bring_about()
                self._tell_everybody()
                self._show()
                await workflow.wait_condition(lambda: self._again or not self.waiters)
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._again and not self.waiters:
                    break
        finally:
            teller.cancel()
        if self.report.phase is ImagePhase.FAILED:
            raise ApplicationError(self.report.message, type=self.report.reason, non_retryable=True)
        return self.report

    async def _first_waiter(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._joined, timeout=FIRST_WAITER)
        except TimeoutError:
            self._cancel = True

    async def _bring_about(self) -> None:
        try:
            found = await self._find()
            if not found.reference:
                await self._prepare(ENSURE_REGISTRY, "registry")
            if found.unanswered:  # it may have been away only, with the image
                found = await self._find()
            was_there = bool(found.reference)
            if not was_there:
                await self._prepare(ENSURE_BUILDER, "builder")
                built = await self._build()
                found = await self._publish(built)
            self._finish(ImagePhase.READY, found=found, was_there=was_there)
        except Stopped:
            was_building = self.report.phase is ImagePhase.BUILDING
            # First, so that whoever joins from now on is known to want another attempt.
            self._finish(
                ImagePhase.CANCELLED, reason=BUILD_CANCELLED, message="the image build was cancelled"
            )
            self._tell_everybody()
            if was_building:
                await self._clean_up()
        except FailureError as err:
            self._finish(ImagePhase.FAILED, reason=reason_of(err), message=message_of(err))

    async def _find(self) -> FindImageAnswer:
        self._step("looking for the image in the registry", phase=ImagePhase.WAITING)
        return await self._run(FIND_IMAGE, lambda: ImageRequest(plan=self.plan))

    async def _prepare(self, step: Step[ImageRequest, EnsureAnswer], words: str) -> None:
        self._step(f"preparing the {words}", phase=ImagePhase.WAITING)
        await self._run(step, lambda: ImageRequest(plan=self.plan))

    async def _build(self) -> BuildImageAnswer:
        try:
            return await self._build_once()
        except FailureError as err:
            if error_type(err) != "NoSpace" or not await self._make_room():
                raise
        return await self._build_once()

    async def _build_once(self) -> BuildImageAnswer:
        self._step("waiting for a free builder", phase=ImagePhase.BUILDING)
        self._building_since = workflow.now()
        try:
            return await self._run(build_step(self.plan), self._build_request)
        finally:
            self._used_tokens = None

    def _build_request(self) -> BuildImageRequest:
        self._used_tokens = tokens = self._tokens()
        return BuildImageRequest(plan=self.plan, tokens=tokens)

    def _tokens(self) -> list[TokenRef]:
        return [waiter.token for waiter in self.waiters.values() if waiter.token is not None]

    async def _make_room(self) -> bool:
        self._step("making room at the builder", phase=ImagePhase.BUILDING)
        request = FreeSpaceRequest(plan=self.plan, everything=True)
        return (await self._run(FREE_SPACE, lambda: request)).freed_bytes > 0

    async def _publish(self, built: BuildImageAnswer) -> FindImageAnswer:
        self._step("verifying the pushed image", phase=ImagePhase.BUILDING)
        request = PublishImageRequest(plan=self.plan, digest=built.digest)
        return await self._run(PUBLISH_IMAGE, lambda: request)

    async def _clean_up(self) -> None:
        """Free what the cancelled build took. Best effort: the builder collects its garbage anyway."""
        step = replace(FREE_SPACE, deadline=timedelta(seconds=30))
        try:
            await call(step, FreeSpaceRequest(plan=self.plan), summary="freeing space at the builder")
        except FailureError as err:
            workflow.logger.info("space not freed: %s", message_of(err))

    # -- steps -------------------------------------------------------------------------------------------

    async def _run(self, step: Step[Request, Answer], request: Callable[[], Request]) -> Answer:
        """The answer of a step. Raises Stopped as soon as nobody wants it, FailureError when it failed."""
        while True:
            if self._is_unwanted():
                raise Stopped
            self._retry = False
            summary = self.report.progress.step
            answer = await call(step, request(), summary=summary, leave_if=self._is_disturbed)
            if answer is not None:
                return answer

    def _is_disturbed(self) -> bool:
        return self._is_unwanted() or self._retry

    def _is_unwanted(self) -> bool:
        return self._cancel or not self.waiters

    def _step(self, words: str, *, phase: ImagePhase) -> None:
        self.report.phase = phase
        self.report.progress = ImageProgress(step=words, total_bytes=self.plan.total_bytes)
        self._tell_everybody()
        self._show()

    def _finish(
        self,
        phase: ImagePhase,
        *,
        found: FindImageAnswer | None = None,
        was_there: bool = False,
        reason: str = "",
        message: str = "",
    ) -> None:
        self.report = ImageReport(
            identity=self.plan.identity,
            phase=phase,
            progress=ImageProgress(step=str(phase), total_bytes=self.plan.total_bytes),
            reference=found.reference if found else "",
            tagged=found.tagged if found else "",
            was_there=was_there,
            reason=reason,
            message=message,
        )

    def _fresh_report(self) -> ImageReport:
        return ImageReport(
            identity=self.plan.identity,
            phase=ImagePhase.WAITING,
            progress=ImageProgress(step="starting", total_bytes=self.plan.total_bytes),
        )

    # -- telling -----------------------------------------------------------------------------------------

    def _tell_everybody(self) -> None:
        self._untold = set(self.waiters)
        self._told_at = workflow.now()

    async def _tell_forever(self) -> None:
        """Tell whoever has not heard the latest. With the outcome they have what they waited for."""
        while True:
            await workflow.wait_condition(lambda: bool(self._untold))
            self._show()
            await self._breathe()
            if not self._untold:
                continue
            workflow_id = min(self._untold)
            self._untold.discard(workflow_id)
            report = self.report.model_copy(deep=True)
            try:
                await workflow.get_external_workflow_handle(workflow_id).signal("image_report", report)
            except FailureError:
                self.leave(workflow_id)  # its workflow is gone
                continue
            # It may have joined for another attempt during this await.
            if report.phase.is_final and self.report.phase is report.phase and not self._again:
                self.leave(workflow_id)

    async def _breathe(self) -> None:
        """Short steps follow each other faster than a status can be read; the outcome does not wait."""
        if self._sent_at is not None:
            pause = BETWEEN_STEPS - (workflow.now() - self._sent_at)
            if pause > timedelta(0) and not self.report.phase.is_final:
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self.report.phase.is_final, timeout=pause)
        self._sent_at = workflow.now()

    def _show(self) -> None:
        workflow.set_current_details(details_of_image(self.plan, self.report, list(self.waiters)))
