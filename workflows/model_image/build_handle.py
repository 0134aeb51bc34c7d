"""What the workflow of an image does with that of its build: begin it, follow it, stop it, read its end.

Apart because the image's workflow continues as new meanwhile: a run that did not begin the build finds it by
its id, and knows of its end only by a signal, which anybody may send, and by looking.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from airunway.api.names import model_image_build_workflow_id
from airunway.messages.model_image import PROGRESS_SHARE
from airunway.messages.model_image_workflow import (
    BUILD_AGAIN,
    MODEL_IMAGE_BUILD_WORKFLOW,
    READ_BUILD,
    BuildFor,
    BuildUnderWay,
    BuiltModelImage,
    ModelImageBuildInput,
    ReadBuildAnswer,
    ReadBuildRequest,
)
from airunway.modelimage.plan import ModelImagePlan
from airunway.workflows.steps import call, fair_between

MIN_SILENCE, MAX_SILENCE = timedelta(minutes=1), timedelta(minutes=10)
"""After which a build is looked at that is not heard of: a terminated one says nothing. Between the two,
twice as long as a build says nothing of mere progress."""


class BuildHandle:
    """The build of one image, if there is one under way."""

    def __init__(self, plan: ModelImagePlan, under_way: BuildUnderWay | None) -> None:
        self._plan = plan
        self.under_way = under_way
        self._workflow_id = model_image_build_workflow_id(workflow.info().workflow_id)

    async def begin(self, given: BuildFor) -> None:
        """Begin it, or take on the one that runs: that of an image's workflow which was terminated."""
        now = workflow.now()
        under_way = self.under_way = BuildUnderWay(given=given, began=now, heard_at=now)
        try:
            child = await workflow.start_child_workflow(
                MODEL_IMAGE_BUILD_WORKFLOW,
                ModelImageBuildInput(plan=self._plan, given=given),
                id=self._workflow_id,
                result_type=BuiltModelImage,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                priority=fair_between(given.namespace),
                search_attributes=workflow.info().typed_search_attributes,
                static_summary=f"build of the image of {self._plan.repository}",
            )
        except WorkflowAlreadyStartedError:
            return
        child.add_done_callback(lambda ended: _wake(under_way, ended))

    def heard_of(self) -> None:
        """A sign of life."""
        if self.under_way is not None:
            self.under_way.heard_at = workflow.now()

    def said_to_end(self) -> None:
        """Somebody says that it has ended."""
        if self.under_way is not None:
            self.under_way.said_to_end = True

    @property
    def is_asked_after(self) -> bool:
        """Whether its end is to be read: somebody says so, or it is not heard of."""
        build = self.under_way
        return build is not None and (build.said_to_end or self.silence_left <= timedelta(0))

    @property
    def silence_left(self) -> timedelta:
        """How long nothing may still be heard of it."""
        assert self.under_way is not None
        share = (workflow.now() - self.under_way.began) * (2 * PROGRESS_SHARE)
        patience = min(max(share, MIN_SILENCE), MAX_SILENCE)
        return self.under_way.heard_at + patience - workflow.now()

    async def stop(self) -> None:
        """Tell it to stop; it ends when its step has."""
        assert self.under_way is not None
        self.under_way.stopping = True
        self.heard_of()
        with contextlib.suppress(FailureError):  # it has ended
            await workflow.get_external_workflow_handle(self._workflow_id).cancel()

    async def begin_anew(self, given: BuildFor) -> None:
        """Have the step begun anew that is tried."""
        assert self.under_way is not None
        self.under_way.given = given
        with contextlib.suppress(FailureError):  # it has ended
            await workflow.get_external_workflow_handle(self._workflow_id).signal(BUILD_AGAIN, given)

    async def read(self, *, leave_if: Callable[[], bool]) -> ReadBuildAnswer | None:
        """What became of it, from Temporal and the registry; None when that was left."""
        assert self.under_way is not None
        request = ReadBuildRequest(plan=self._plan, is_said_to_end=self.under_way.said_to_end)
        self.under_way.said_to_end = False
        self.heard_of()
        return await call(READ_BUILD, request, summary="what became of the build", leave_if=leave_if)

    def forget(self) -> BuildUnderWay:
        """It has ended; answers what was known of it."""
        assert self.under_way is not None
        under_way, self.under_way = self.under_way, None
        return under_way


def _wake(under_way: BuildUnderWay, ended: workflow.ChildWorkflowHandle[object, BuiltModelImage]) -> None:
    """The run that began it learns of any end at once. How it ended is read as in every other run."""
    under_way.said_to_end = True
    if not ended.cancelled():
        ended.exception()
