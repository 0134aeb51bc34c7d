"""What the steps of model images take and answer, and how each is called. Pure, as `messages.deployment`.

Apart from those because an image has a life and a workflow of its own. Tokens are named by their Secret and
never held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, Field
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as TemporalTimeout

from airunway.messages.deployment import UNTIL_IT_WORKS, DeploymentRef, ImageWish, Step
from airunway.modelimage.plan import ImagePlan


class TokenRef(BaseModel):
    """A Secret with a Hugging Face token under the key `HF_TOKEN`."""

    namespace: str
    name: str


class Waiter(BaseModel):
    """A deployment that wants the image, by its workflow."""

    workflow_id: str
    token: TokenRef | None = None


class ImagePhase(StrEnum):
    """Where an image stands."""

    WAITING = "waiting"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (ImagePhase.READY, ImagePhase.FAILED, ImagePhase.CANCELLED)


class ImageProgress(BaseModel):
    """What a build looks like now. Also the details of the build activity's heartbeats."""

    step: str
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float = 0
    seconds_left: float | None = None
    trouble: str = ""
    """Why the last attempt broke off, while the next one is on its way."""


class ImageReport(BaseModel):
    """What a waiting deployment is told about its image."""

    identity: str
    phase: ImagePhase
    progress: ImageProgress
    reference: str = ""
    """`repository@sha256:…` as nodes pull it, once ready."""
    tagged: str = ""
    """The same image by its own tag."""
    was_there: bool = False
    """Nothing had to be built."""
    reason: str = ""
    message: str = ""


# -- requests and answers ---------------------------------------------------------------------------------


class ResolveImageRequest(BaseModel):
    """Find out what the image of a wish is made of."""

    ref: DeploymentRef
    wish: ImageWish


class ResolveImageAnswer(BaseModel):
    """The plan: from now on the image is this one, whatever becomes of branch and tags."""

    plan: ImagePlan


class JoinImageRequest(BaseModel):
    """Wait for an image with the others; the first one starts its workflow."""

    plan: ImagePlan
    waiter: Waiter


class JoinImageAnswer(BaseModel):
    """Which workflow was told."""

    workflow_id: str


class ImageRequest(BaseModel):
    """Something about one image."""

    plan: ImagePlan


class FindImageAnswer(BaseModel):
    """The image if the registry has it; else both are empty."""

    reference: str = ""
    tagged: str = ""
    unanswered: bool = False
    """The registry in the cluster did not answer: it is not made yet, or just away."""


class EnsureAnswer(BaseModel):
    """What was made sure of, in words."""

    detail: str = ""


class BuildImageRequest(BaseModel):
    """Build and push an image. `tokens`: of those who wait, the first that can be read is used."""

    plan: ImagePlan
    tokens: list[TokenRef] = Field(default_factory=list)


class BuildImageAnswer(BaseModel):
    """Digest of the pushed manifest; nobody has looked at it yet."""

    digest: str


class PublishImageRequest(BaseModel):
    """Look at what was pushed, then let the tags point to it."""

    plan: ImagePlan
    digest: str


class FreeSpaceRequest(BaseModel):
    """Take what the builder keeps of an image; `everything`: of all images that are not being built."""

    plan: ImagePlan
    everything: bool = False


class FreeSpaceAnswer(BaseModel):
    """How much was freed."""

    freed_bytes: int = 0


# -- how they are called ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageStep:
    """An activity of the image workflow. `deadline`: of all attempts together."""

    name: str
    attempt_timeout: timedelta
    deadline: timedelta
    retry: RetryPolicy
    heartbeat: timedelta | None = None


# How often readiness is looked at is the policy: an object that is not ready yet is a retryable failure.
_UNTIL_READY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=1.5, maximum_interval=timedelta(seconds=5)
)
_WITH_PATIENCE = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
)

# A hub or registry may be away for hours, and each attempt costs the image's history some events.
_WITH_MORE_PATIENCE = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=5)
)

# What is in the way is told by the pass, which looks again soon; until then nobody would know of it.
RESOLVE_IMAGE = Step("resolve_image", timedelta(minutes=2), RetryPolicy(maximum_attempts=2))
JOIN_IMAGE = Step("join_image", timedelta(seconds=30), UNTIL_IT_WORKS)

FIND_IMAGE = ImageStep("find_image", timedelta(seconds=30), timedelta(minutes=10), _WITH_PATIENCE)
ENSURE_REGISTRY = ImageStep("ensure_registry", timedelta(seconds=60), timedelta(minutes=10), _UNTIL_READY)
ENSURE_BUILDER = ImageStep("ensure_builder", timedelta(seconds=60), timedelta(minutes=10), _UNTIL_READY)
PUBLISH_IMAGE = ImageStep("publish_image", timedelta(minutes=2), timedelta(minutes=15), _WITH_PATIENCE)
FREE_SPACE = ImageStep("free_build_space", timedelta(minutes=2), timedelta(minutes=3), _WITH_PATIENCE)

MIN_BYTES_PER_SECOND = 1_000_000
BUILD_HEARTBEAT = timedelta(seconds=15)
"""A worker that was killed is noticed after this; the builder keeps what was downloaded."""


def build_step(plan: ImagePlan) -> ImageStep:
    """Building: as long as a slow line takes for this size, three times over before it is given up.

    A build that makes no progress ends long before; see `airunway.activities.model_image.build`.
    """
    attempt = timedelta(minutes=15, seconds=plan.total_bytes / MIN_BYTES_PER_SECOND)
    return ImageStep("build_image", attempt, attempt * 3, _WITH_MORE_PATIENCE, heartbeat=BUILD_HEARTBEAT)


# -- why a step failed --------------------------------------------------------------------------------------

BUILD_FAILED = "BuildFailed"
TRIED_TWICE = (BUILD_FAILED, "PushNoSpace")
"""Errors of a build whose cause is not certain: twice the same is no accident."""
BUILD_CANCELLED = "BuildCancelled"

REASONS = {
    "BuildsOff": "ImageBuildsOff",
    "InvalidModel": "InvalidModelReference",
    "RepositoryMissing": "ModelNotFound",
    "RevisionMissing": "ModelNotFound",
    "FileMissing": "ModelFileNotFound",
    "SourceMissing": "ModelFileNotFound",
    "ChoiceError": "ModelFileUnclear",
    "AccessDenied": "ModelAccessDenied",
    "SourceRefused": "ModelAccessDenied",
    "TokenMissing": "ModelTokenMissing",
    "HubUnavailable": "ModelHubUnavailable",
    "SourceUnavailable": "ModelHubUnavailable",
    "HubAnswerUnusable": "ModelHubUnavailable",
    "DigestMismatch": "ChecksumMismatch",
    "ImageTooLarge": "NoSpace",
    "NoSpace": "NoSpace",
    "RegistryFull": "NoSpace",
    "PushNoSpace": "NoSpace",
    "BuilderUnreachable": "BuilderUnavailable",
    "BuilderNotReady": "BuilderUnavailable",
    "BuildInterrupted": "BuilderUnavailable",
    "RegistryNotReady": "RegistryUnavailable",
    "RegistryUnavailable": "RegistryUnavailable",
    "PushUnavailable": "RegistryUnavailable",
    "RegistryDenied": "RegistryDenied",
    "PushRefused": "RegistryDenied",
    "ImageNotFound": "BaseImageUnavailable",
    "ImageBroken": "ImageNotVerified",
    "ImageNotVerified": "ImageNotVerified",
    "BuildStalled": "BuildStalled",
    "Forbidden": "ClusterForbids",
}
"""Error class of a step to the reason that a condition shows."""


def _told(err: FailureError) -> ApplicationError | None:
    """What a step raised last; None when it only ran out of time. Behind it are other libraries' causes."""
    cause: BaseException | None = err
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause


def error_type(err: FailureError) -> str:
    """The error class behind a failed step; empty when it only ran out of time."""
    told = _told(err)
    return (told.type or "") if told else ""


def reason_of(err: FailureError) -> str:
    """The condition's reason for a failed step."""
    return REASONS.get(error_type(err), BUILD_FAILED)


def message_of(err: FailureError) -> str:
    """What a person is told: what the step said, and that its time was up if it was."""
    told = _told(err)
    timed_out = isinstance(err.__cause__, TemporalTimeout)
    if told is None:
        step = err.activity_type if isinstance(err, ActivityError) else "the step"
        return f"{step}: not done in time, and no worker says why" if timed_out else str(err.__cause__ or err)
    return f"{told.message} (given up after repeated attempts)" if timed_out else told.message
