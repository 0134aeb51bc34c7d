"""The making of one model image: found in the registry, or built, verified and published.

Apart from the image's workflow, which counts who waits and so gets many signals: that continues as new while
this goes on, and finds it again by its id. What begins and ends is signalled to it; how far a step is, the
step's activity signals to it itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import image_of_build
    from airunway.messages.failures import error_type, message_of
    from airunway.messages.model_image import (
        ENSURE_BUILDER,
        ENSURE_REGISTRY,
        FIND_MODEL_IMAGE,
        FREE_SPACE,
        PUBLISH_MODEL_IMAGE,
        BuildModelImageAnswer,
        BuildModelImageRequest,
        EnsureAnswer,
        FindModelImageAnswer,
        FreeSpaceRequest,
        ModelImageRequest,
        PublishModelImageAnswer,
        PublishModelImageRequest,
        build_step,
    )
    from airunway.messages.model_image_failures import reason_of
    from airunway.messages.model_image_workflow import (
        BUILD_AGAIN,
        BUILD_ENDED,
        IMAGE_STEP,
        MODEL_IMAGE_BUILD_WORKFLOW,
        BuildFor,
        BuildStepBegun,
        BuiltModelImage,
        ModelImageBuildInput,
    )
    from airunway.messages.step import Answer, Request, Step
    from airunway.workflows import measures
    from airunway.workflows.raw_payloads import NOTHING, read_signal, takes_any_payload
    from airunway.workflows.steps import call

CLEAN_UP_PATIENCE = timedelta(seconds=30)


class Unwanted(Exception):
    """The build is to stop."""


@workflow.defn(name=MODEL_IMAGE_BUILD_WORKFLOW)
class ModelImageBuildWorkflow:
    """Id: that of the image's workflow and `/build`. To cancel it is to stop the build."""

    @workflow.init
    def __init__(self, start: ModelImageBuildInput) -> None:
        self._plan = start.plan
        self._given = start.given
        self._image = image_of_build(workflow.info().workflow_id)
        self._began = workflow.now()
        self._stopped = False
        self._again = False
        self._step = BuildStepBegun(words="starting")
        self._telling: set[asyncio.Task[None]] = set()

    @workflow.signal(name=BUILD_AGAIN, description="Begin the step anew (sent by the image's workflow).")
    @takes_any_payload
    def on_again(self, payload: RawValue = NOTHING) -> None:
        """Begin the step anew that is tried, for those who are named."""
        given = read_signal(
            payload, BuildFor, otherwise=lambda why: workflow.logger.info("signal ignored: %s", why)
        )
        if given is not None:
            self._given, self._again = given, True

    @workflow.signal(dynamic=True)
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Nobody here sends it."""
        workflow.logger.info("unknown signal %s ignored", name[:100])

    # -- the story -----------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: ModelImageBuildInput) -> BuiltModelImage:
        """Make the image, clean up if it is to stop, and tell the image's workflow of the end."""
        story = asyncio.create_task(self._live())
        while True:
            try:
                return await asyncio.shield(story)
            except asyncio.CancelledError:
                if story.done():
                    raise
                self._stopped = True  # the steps see it, and the story ends as cancelled

    async def _live(self) -> BuiltModelImage:
        try:
            built = await self._make()
        except Unwanted:
            if self._step.is_building:
                measures.image_build_ended("cancelled", began=self._began)
                await self._clean_up()
            await self._say_that_it_ends()
            raise asyncio.CancelledError from None
        except FailureError as err:
            measures.image_build_ended("failed", began=self._began)
            await self._say_that_it_ends()
            raise ApplicationError(message_of(err), type=reason_of(err), non_retryable=True) from err
        await self._say_that_it_ends()
        return built

    async def _make(self) -> BuiltModelImage:
        found = await self._find()
        if found.image is None:
            await self._prepare(ENSURE_REGISTRY, "registry")
        if found.unanswered:  # it may have been away only, with the image
            found = await self._find()
        if found.image is not None:
            return BuiltModelImage(image=found.image, was_there=True)
        await self._prepare(ENSURE_BUILDER, "builder")
        published = await self._publish(await self._build())
        measures.image_build_ended("built", began=self._began)
        return BuiltModelImage(image=published.image)

    # -- its steps, in the order of the story ------------------------------------------------------------

    async def _find(self) -> FindModelImageAnswer:
        self._begin("looking for the image in the registry")
        return await self._call(FIND_MODEL_IMAGE, lambda: ModelImageRequest(plan=self._plan))

    async def _prepare(self, step: Step[ModelImageRequest, EnsureAnswer], words: str) -> None:
        self._begin(f"preparing the {words}")
        await self._call(step, lambda: ModelImageRequest(plan=self._plan, namespace=self._given.namespace))

    async def _build(self) -> BuildModelImageAnswer:
        try:
            return await self._build_once()
        except FailureError as err:
            if error_type(err) != "NoSpace" or not await self._make_room():
                raise
        return await self._build_once()

    async def _build_once(self) -> BuildModelImageAnswer:
        self._begin("waiting for a free builder", is_building=True)
        return await self._call(
            build_step(self._plan),
            lambda: BuildModelImageRequest(
                plan=self._plan, waiters=self._given.waiters, namespace=self._given.namespace
            ),
        )

    async def _make_room(self) -> bool:
        self._begin("making room at the builder", is_building=True)
        request = FreeSpaceRequest(plan=self._plan, everything=True)
        return (await self._call(FREE_SPACE, lambda: request)).freed_bytes > 0

    async def _publish(self, built: BuildModelImageAnswer) -> PublishModelImageAnswer:
        self._begin("verifying the pushed image", is_building=True)
        request = PublishModelImageRequest(plan=self._plan, digest=built.digest)
        return await self._call(PUBLISH_MODEL_IMAGE, lambda: request)

    async def _clean_up(self) -> None:
        """Free what the cancelled build took. Best effort: the builder collects its garbage anyway."""
        step = replace(FREE_SPACE, deadline=CLEAN_UP_PATIENCE)
        try:
            await call(step, FreeSpaceRequest(plan=self._plan), summary="freeing space at the builder")
        except FailureError as err:
            workflow.logger.info("space not freed: %s", message_of(err))

    # -- how a step is called, and told of -----------------------------------------------------------------

    async def _call(self, step: Step[Request, Answer], request: Callable[[], Request]) -> Answer:
        """The answer of a step. Raises Unwanted as soon as it is to stop, FailureError when it failed.

        `request` makes it again for each attempt: somebody else's token may be the one to use by then.
        """
        while True:
            if self._stopped:
                raise Unwanted
            self._again = False
            answer = await call(step, request(), summary=self._step.words, leave_if=self._is_disturbed)
            if answer is not None:
                return answer

    def _is_disturbed(self) -> bool:
        return self._stopped or self._again

    def _begin(self, words: str, *, is_building: bool = False) -> None:
        self._step = BuildStepBegun(words=words, is_building=is_building)
        workflow.set_current_details(f"{words}, for `{self._image}`")
        telling = asyncio.create_task(self._tell(IMAGE_STEP, self._step))  # the step does not wait for it
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _say_that_it_ends(self) -> None:
        await asyncio.gather(*self._telling)
        await self._tell(BUILD_ENDED)

    async def _tell(self, signal: str, *payload: Any) -> None:
        with contextlib.suppress(FailureError):  # nobody waits for it any more
            await workflow.get_external_workflow_handle(self._image).signal(signal, args=payload)
