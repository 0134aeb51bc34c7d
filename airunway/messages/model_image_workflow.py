"""What ModelImageWorkflow and the workflow of its build are sent and asked, and the former's state. Pure.

Apart from `model_image`, whose steps a deployment calls as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from airunway.api.model_image import ModelImageRef
from airunway.api.names import model_image_workflow_id
from airunway.messages.commands import INTERNAL
from airunway.messages.model_image import ModelImageReport, ModelImageWaiter
from airunway.messages.requests import StepRequest
from airunway.messages.step import Step
from airunway.messages.words import Message, Reason, Words
from airunway.modelimage.plan import ModelImagePlan

MODEL_IMAGE_BUILD_WORKFLOW = "ModelImageBuildWorkflow"

JOIN_IMAGE = f"{INTERNAL}join"
"""Signal with a ModelImageWaiter: a deployment waits too."""
LEAVE_IMAGE = f"{INTERNAL}leave"
"""Signal with the id of a deployment's workflow: it does not wait any more."""
IMAGE_PROGRESS = f"{INTERNAL}progress"
"""Signal with a BuildProgress: a step of the build got on."""
IMAGE_STEP = f"{INTERNAL}step"
"""Signal with a BuildStepBegun: a step of the build begins."""
BUILD_ENDED = f"{INTERNAL}build_ended"
"""Signal of the build's workflow to the image's: it has ended. A hint; how it ended is read."""
BUILD_AGAIN = f"{INTERNAL}build_again"
"""Signal with BuildFor to the build's workflow: begin the step anew that is tried."""


# -- the image's own ----------------------------------------------------------------------------------------


class ModelImageView(BaseModel):
    """Answer of the query `state` of an image's workflow."""

    report: ModelImageReport
    waiting: list[str] = Field(default_factory=list)
    """Workflows of the deployments that wait."""


class BuildFor(BaseModel):
    """For whom an image is built."""

    waiters: list[ModelImageWaiter] = Field(default_factory=list)
    """Of their tokens, the first that may be read and used is."""
    namespace: str = ""
    """What is built counts against it."""


class BuildUnderWay(BaseModel):
    """The build that an image's workflow has begun and has not seen the end of."""

    given: BuildFor
    """For whom it was begun, or begun anew."""
    began: datetime
    heard_at: datetime
    """When it was last heard of."""
    stopping: bool = False
    """It was told to stop."""
    said_to_end: bool = False
    """Somebody says that it has ended."""


CarriedWaiter = tuple[str, str, str, bool]
"""Namespace, name, Secret with the token, whether it has yet to be notified: ten thousand fit in an input."""


class ImageWorkflowState(BaseModel):
    """Everything a run hands to the next when it continues as new."""

    waiters: list[CarriedWaiter] = Field(default_factory=list)
    """In the order in which they joined."""
    joined: bool = False
    """Somebody has waited, who may have left again."""
    more_wait: bool = False
    """More than there are places for: who has none asks again now and then."""
    again: bool = False
    """Somebody joined after a failure: there is another attempt."""
    retry: bool = False
    """Somebody asked to begin the step anew."""
    cancelled_by: Message | None = None
    """Who wants it stopped, in words; None: nobody."""
    report: ModelImageReport | None = None
    """None: nothing has been done yet."""
    building_since: datetime | None = None
    notified_at: datetime | None = None
    notes: list[Message] = Field(default_factory=list)
    build: BuildUnderWay | None = None


class ModelImageInput(BaseModel):
    """Input of ModelImageWorkflow: who waits comes by signals, so that starting and joining are the same."""

    plan: ModelImagePlan
    state: ImageWorkflowState = Field(default_factory=ImageWorkflowState)


# -- its build ----------------------------------------------------------------------------------------------


class ModelImageBuildInput(BaseModel):
    """Input of ModelImageBuildWorkflow."""

    plan: ModelImagePlan
    given: BuildFor


class BuildStepBegun(BaseModel):
    """What a build does now, in words."""

    words: Words
    is_building: bool = False
    """At the builder: what ends it from now on leaves something to clean up."""


class BuiltModelImage(BaseModel):
    """Result of ModelImageBuildWorkflow."""

    image: ModelImageRef
    was_there: bool = False
    """Nothing had to be built."""


class BuildEnd(StrEnum):
    """What became of a build's workflow."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It was terminated or deleted by hand, or something else runs under its id."""


class ReadBuildRequest(StepRequest):
    """What became of the build of an image?"""

    plan: ModelImagePlan
    is_said_to_end: bool = False
    """Who says so does it just before."""

    def asking_workflow(self, cluster: str) -> str:
        """The image's own."""
        return model_image_workflow_id(cluster, self.plan.repository, self.plan.identity)


class ReadBuildAnswer(BaseModel):
    """As Temporal says, and of an image as the registry has it."""

    end: BuildEnd
    image: ModelImageRef | None = None
    """Of a build that is done."""
    was_there: bool = False
    reason: Reason = ""
    message: Message = ""


READ_BUILD = Step(
    name="read_build",
    request=ReadBuildRequest,
    answer=ReadBuildAnswer,
    attempt_timeout=timedelta(seconds=30),
    inline=True,  # no deadline: the build is there meanwhile, and who waits for it waits on
)
