"""What the steps of model images take and answer, and how each is called. Pure, as `messages.deployment`.

Apart from those because an image has a life and a workflow of its own. Tokens are named by their Secret and
never held.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, Field
from temporalio.common import RetryPolicy

from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.api.names import IMAGES_QUEUE, model_image_build_workflow_id, model_image_workflow_id
from airunway.messages.refs import DeploymentRef, SentRef
from airunway.messages.requests import DeploymentRequest, StepRequest
from airunway.messages.step import Step, until_it_works
from airunway.messages.words import Message, NameText, Reason, Words, WorkflowIdText
from airunway.modelimage.plan import ModelImagePlan


class TokenRef(BaseModel):
    """A Secret with a Hugging Face token under the key `HF_TOKEN`."""

    namespace: NameText
    name: NameText


class ModelImageWaiter(BaseModel):
    """A deployment that wants the image, and the Secret of its namespace with the token it has for that."""

    ref: SentRef
    token: TokenRef | None = None
    waits_already: bool = False
    """It asks again, as it has not heard for a while: that is no reason for another attempt."""

    @property
    def workflow_id(self) -> str:
        """Of the deployment."""
        return self.ref.workflow_id


class ModelImagePhase(StrEnum):
    """Where an image stands."""

    WAITING = "waiting"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (ModelImagePhase.READY, ModelImagePhase.FAILED, ModelImagePhase.CANCELLED)


MAX_BYTES = 2**63 - 1
MAX_NEXT_WITHIN = timedelta(hours=6)
"""Who waits asks again after that in any case."""


class BuildProgress(BaseModel):
    """What a build looks like now. Also the details of the build activity's heartbeats.

    It comes by signal, so by anybody: numbers that nothing can be counted with are of another shape.
    """

    step: Words
    done_bytes: int = Field(default=0, ge=0, le=MAX_BYTES)
    total_bytes: int = Field(default=0, ge=0, le=MAX_BYTES)
    bytes_per_second: float = Field(default=0, ge=0, allow_inf_nan=False)
    seconds_left: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    trouble: Words = ""
    """Why the last attempt broke off, while the next one is on its way."""


class ModelImageReport(BaseModel):
    """What is reported to a waiting deployment about its image.

    A hint: progress is shown as it is told, and an outcome is read from its owner (`READ_MODEL_IMAGE`).
    """

    identity: NameText
    workflow_id: WorkflowIdText
    """Of the image."""
    phase: ModelImagePhase
    progress: BuildProgress
    next_within: timedelta = Field(default=timedelta(0), ge=timedelta(0), le=MAX_NEXT_WITHIN)
    """After which mere progress is reported again: the longer a build takes and the more wait, the later."""
    image: ModelImageRef | None = None
    """Once it is ready."""
    was_there: bool = False
    """Nothing had to be built."""
    reason: Reason = ""
    message: Message = ""


# -- requests and answers ---------------------------------------------------------------------------------


class ResolveModelImageRequest(DeploymentRequest):
    """Find out what the image of a spec is made of."""

    spec: ModelImageSpec


class ResolveModelImageAnswer(BaseModel):
    """The plan: from now on the image is this one, whatever becomes of branch and tags.

    `image`: it is in the registry already, so there is nobody to wait for; None when it is not, or when the
    registry did not tell at once.
    """

    plan: ModelImagePlan
    image: ModelImageRef | None = None


class ReadModelImageRequest(DeploymentRequest):
    """What became of an image that a deployment waits for?"""

    plan: ModelImagePlan


class ReadModelImageAnswer(BaseModel):
    """The image as the registry has it, else what its workflow says itself."""

    phase: ModelImagePhase
    image: ModelImageRef | None = None
    """Once it is ready."""
    reason: Reason = ""
    message: Message = ""


class JoinModelImageRequest(StepRequest):
    """Wait for an image with the others; the first one starts its workflow."""

    plan: ModelImagePlan
    waiter: ModelImageWaiter

    @property
    def ref(self) -> DeploymentRef:
        """The deployment, where every request about one has it."""
        return self.waiter.ref

    def asking_workflow(self, cluster: str) -> str:
        """That of the deployment which waits."""
        return self.waiter.workflow_id


class JoinModelImageAnswer(BaseModel):
    """Which workflow was notified."""

    workflow_id: str


class ModelImageRequest(StepRequest):
    """Something about one image, asked by the workflow of its build."""

    plan: ModelImagePlan
    namespace: str = ""
    """Of the deployment that has waited longest: what is built counts against it."""

    def asking_workflow(self, cluster: str) -> str:
        """That of the image's build."""
        image = model_image_workflow_id(cluster, self.plan.repository, self.plan.identity)
        return model_image_build_workflow_id(image)


class FindModelImageAnswer(BaseModel):
    """The image if the registry has it."""

    image: ModelImageRef | None = None
    unanswered: bool = False
    """The registry in the cluster did not answer: it is not made yet, or just away."""


class EnsureAnswer(BaseModel):
    """What was made sure of, in words."""

    detail: str = ""


class BuildModelImageRequest(ModelImageRequest):
    """Build and push an image. `waiters`: of their tokens, the first that may be read and used is."""

    waiters: list[ModelImageWaiter] = Field(default_factory=list)


class BuildModelImageAnswer(BaseModel):
    """Digest of the pushed manifest; nobody has verified it yet."""

    digest: str


class PublishModelImageRequest(ModelImageRequest):
    """Verify what was pushed, then let the tags point to it."""

    digest: str


class PublishModelImageAnswer(BaseModel):
    """The image as nodes pull it: from now on it may be used."""

    image: ModelImageRef


class FreeSpaceRequest(ModelImageRequest):
    """Take what the builder keeps of an image; `everything`: of all images that are not being built."""

    everything: bool = False


class FreeSpaceAnswer(BaseModel):
    """How much was freed."""

    freed_bytes: int = 0


# -- how they are called ----------------------------------------------------------------------------------


# How often readiness is read is the policy: an object that is not ready yet is a retryable failure.
_UNTIL_READY = until_it_works(at_first=1, at_most=5, factor=1.5)
_WITH_PATIENCE = until_it_works(at_first=1, at_most=60)

# What is in the way is reported by the reconcile, which tries again soon; until then nobody would know of it.
RESOLVE_MODEL_IMAGE = Step(
    name="resolve_model_image",
    request=ResolveModelImageRequest,
    answer=ResolveModelImageAnswer,
    attempt_timeout=timedelta(minutes=2),
    deadline=timedelta(minutes=5),
    retry=RetryPolicy(maximum_attempts=2),
    inline=True,
)
JOIN_MODEL_IMAGE = Step(
    name="build_image",
    request=JoinModelImageRequest,
    answer=JoinModelImageAnswer,
    attempt_timeout=timedelta(seconds=30),
    deadline=timedelta(minutes=1),
)
READ_MODEL_IMAGE = Step(
    name="read_model_image",
    request=ReadModelImageRequest,
    answer=ReadModelImageAnswer,
    attempt_timeout=timedelta(seconds=30),
    deadline=timedelta(minutes=5),
    inline=True,
)

FIND_MODEL_IMAGE = Step(
    name="find_model_image",
    request=ModelImageRequest,
    answer=FindModelImageAnswer,
    attempt_timeout=timedelta(seconds=30),
    deadline=timedelta(minutes=10),
    retry=_WITH_PATIENCE,
    ends_when_left=True,
)
ENSURE_REGISTRY = Step(
    name="ensure_registry",
    request=ModelImageRequest,
    answer=EnsureAnswer,
    attempt_timeout=timedelta(seconds=60),
    deadline=timedelta(minutes=10),
    retry=_UNTIL_READY,
    ends_when_left=True,
)
ENSURE_BUILDER = replace(ENSURE_REGISTRY, name="ensure_builder")
PUBLISH_MODEL_IMAGE = Step(
    name="publish_model_image",
    request=PublishModelImageRequest,
    answer=PublishModelImageAnswer,
    attempt_timeout=timedelta(minutes=2),
    deadline=timedelta(minutes=15),
    retry=_WITH_PATIENCE,
    ends_when_left=True,
)
FREE_SPACE = Step(
    name="free_build_space",
    request=FreeSpaceRequest,
    answer=FreeSpaceAnswer,
    attempt_timeout=timedelta(minutes=2),
    deadline=timedelta(minutes=3),
    retry=_WITH_PATIENCE,
    ends_when_left=True,
)
BUILD_MODEL_IMAGE = Step(
    name="build_model_image",
    request=BuildModelImageRequest,
    answer=BuildModelImageAnswer,
    attempt_timeout=timedelta(minutes=15),
    # A hub or registry may be away for hours, and each attempt costs the build's history some events.
    retry=until_it_works(at_first=1, at_most=300),
    # A worker that was killed is noticed after this; the builder keeps what was downloaded.
    heartbeat=timedelta(seconds=15),
    beats_itself=True,
    queue=IMAGES_QUEUE,
    ends_when_left=True,  # its space is freed then
)

MIN_BYTES_PER_SECOND = 1_000_000

PROGRESS_SHARE = 1 / 60
"""Of the time that a build has taken: how long it says nothing of mere progress, in the long run."""


def build_step(plan: ModelImagePlan) -> Step[BuildModelImageRequest, BuildModelImageAnswer]:
    """Building: as long as a slow line takes for this size, three times over before it is given up.

    A build that makes no progress ends long before; see `airunway.activities.model_image.build`.
    """
    attempt = BUILD_MODEL_IMAGE.attempt_timeout + timedelta(seconds=plan.total_bytes / MIN_BYTES_PER_SECOND)
    return replace(BUILD_MODEL_IMAGE, attempt_timeout=attempt, deadline=attempt * 3)
