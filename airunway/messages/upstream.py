"""The provider's steps for a deployment: render, apply, read readiness, release. Pure.

Rendering reads and decides, and writes nothing: its answer says object by object what is to be done. Applying
does exactly that, as an activity that is in the history before anything happens, or answers that it would be
something else by now. Rendered objects travel in neither: they may hold what a person wrote into an
environment variable. Both make them again, and compare digests.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from airunway.api.core_types import Condition
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.api.status import ServingImageStatus, UnifiedStatus
from airunway.messages.deployment import AppliedObject, PodFinding, RefusedChange, StepFailure
from airunway.messages.refs import DeploymentRef
from airunway.messages.requests import DeploymentRequest, StepRequest
from airunway.messages.step import Step
from airunway.modelimage.plan import ModelImagePlan


class WriteAction(StrEnum):
    """What is to be done to one object."""

    CREATE = "create"
    APPLY = "apply"
    """Server-side, on the version that was read."""
    PATCH = "patch"
    """Some fields of what the operator made of the main object, on the version that was read."""
    DELETE = "delete"
    """If it is still the object that was read."""


class PlannedWrite(BaseModel):
    """One object, and what is to be done to it. Objects that are as they should be are not listed."""

    action: WriteAction
    api_version: str
    kind: str
    name: str
    digest: str = ""
    """Of the rendered object, or of the fields of a patch; empty for a deletion."""
    uid: str = ""
    """Of the live object; empty when there is none."""
    changed: list[str] = Field(default_factory=list)
    """Paths of the fields that differ from what is there, e.g. `spec.replicas`; no values. At most 50."""
    why: str = ""
    """For what a person should know: `somebody changed it`, `not wanted any more`, why it is replaced."""
    is_repair: bool = False
    """It was left just so by the last write, and somebody changed it since."""

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"


class RenderRequest(DeploymentRequest):
    """Find out what one generation takes, and what of it has to be written."""

    uid: str
    generation: int
    resource_version: str = ""
    """Version that was decided on, if this reconcile has just read it."""
    provider: str
    engine: str
    applied: list[AppliedObject] = Field(default_factory=list)
    followed: list[AppliedObject] = Field(default_factory=list)
    """What the operator made of the main object and follows it, as it was left."""
    image: ServingImageStatus | None = None
    built_model_image: ModelImageRef | None = None
    model_image_plan: ModelImagePlan | None = None
    """Of what that was built."""
    pinned_images: dict[str, str] = Field(default_factory=dict)
    """Digests that tags stood for when their signatures were verified; each is verified again."""
    pods_seen: bool = False
    """Pods that serve it were seen before; see `UnifiedStatus`."""
    pod_label: str = ""
    """The label of its pods when it was rendered; by another one of now they are not to be found."""
    routed_by_gateway: bool = False
    """As `ProviderView` has it, which only the core's process can find out."""
    cluster_features: list[str] | None = None
    """What of the cluster it was rendered for; None: nothing is recorded, so it is found out."""
    refused: RefusedChange | None = None
    """The last change that an object cannot take: it is made again instead, if the same is asked for."""
    adoption: int | None = None
    """Generation whose objects, made by AI Runway's own controller, are left as they were found; 0: that is
    to be found out; None: there is no take-over."""


class RenderAnswer(BaseModel):
    """What is to be done, or what is in the way."""

    gone: bool = False
    """The deployment was deleted, or is another one of the same name."""
    superseded: bool = False
    """Its generation moved on, or it was paused: reconcile again."""
    failure: StepFailure | None = None
    planned: list[PlannedWrite] = Field(default_factory=list)
    """In the order in which it is done; empty: nothing has to be written."""
    finalizer: str = ""
    """The finalizer that is to be put on before anything is created; empty when it is on."""
    replacing: str = ""
    """Why the main object is deleted to be made again; reconcile when it is gone."""
    waiting: str = ""
    """What must be ready before the main objects can be written, e.g. a claim."""
    retry_seconds: int = 0
    wanted_model_image: ModelImageSpec | None = None
    """The model image that rendering needs; while it is not built nothing is planned."""
    model_image_replaced: bool = False
    """The image that it was given, which the deployment runs, was built again with another digest: nothing is
    planned before that is known."""
    objects: list[AppliedObject] = Field(default_factory=list)
    """The objects as they are, when nothing has to be written."""
    followed: list[AppliedObject] | None = None
    """What the operator made of the main one and follows it, likewise; None when nobody came to that."""
    follows: bool | None = None
    """Whether any of that is to follow: not where replicas are left to somebody else. None likewise."""
    status: UnifiedStatus | None = None
    """What those say; None when something has to be written first."""
    conditions: list[Condition] = Field(default_factory=list)
    cleared: list[str] = Field(default_factory=list)
    """Condition types that do not apply any more."""
    image: ServingImageStatus | None = None
    pinned_images: dict[str, str] | None = None
    """Tags whose image was verified, and its digest; None when nobody came to that."""
    replica_selector: str = ""
    """Label selector of the pods that serve; empty when nobody came to that, or it stays as it was."""
    pod_label: str = ""
    """Their label, likewise."""
    ignored_fields: list[str] | None = None
    """Given fields that the provider cannot honour; None when nobody checked."""
    choice_is_free: bool = False
    """Neither spec nor status names both provider and engine: what was selected is known to nobody yet."""

    @property
    def writes(self) -> bool:
        """Whether something has to be written."""
        return bool(self.planned or self.finalizer)


class ApplyRequest(StepRequest):
    """Do what was planned for one generation."""

    rendered_from: RenderRequest
    finalizer: str = ""
    planned: list[PlannedWrite]

    @property
    def ref(self) -> DeploymentRef:
        """The deployment, where every request about one has it."""
        return self.rendered_from.ref

    def asking_workflow(self, cluster: str) -> str:
        """The deployment's own."""
        return self.ref.workflow_id


class ApplyAnswer(BaseModel):
    """What was done: each object with its action, changed fields, field manager and resourceVersion."""

    gone: bool = False
    superseded: bool = False
    """It would be something else by now, so no more was done than is told here: reconcile again."""
    failure: StepFailure | None = None
    refused: RefusedChange | None = None
    """A change that the object cannot take; with `superseded`, as it will be made again instead."""
    finalizer_added: bool = False
    objects: list[AppliedObject] = Field(default_factory=list)
    """All objects of the generation as they were left; as before, while the main one is replaced."""
    followed: list[AppliedObject] | None = None
    """What the operator made of the main one and follows it, as it was left; None: nobody came to that."""
    deleted: list[str] = Field(default_factory=list)
    """Kind and name."""
    stage_warnings: dict[str, list[str]] = Field(default_factory=dict)
    """What the API server warned of when an object of a stage was created, by its kind and name."""
    status: UnifiedStatus | None = None
    """What the API server answered, in a deployment's words; None when there is nothing to read yet."""


class ReadinessRequest(DeploymentRequest):
    """Read the state of what was applied. `diagnose`: look at pods and events for a cause too."""

    uid: str
    generation: int
    provider: str
    applied: list[AppliedObject]
    follows: bool = False
    """What the operator made of the main object is to follow it."""
    diagnose: bool = False
    pods_seen: bool = False
    """Pods that serve it were seen before; see `UnifiedStatus`."""
    pod_label: str = ""
    """The label of its pods when it was rendered; by another one of now they are not to be found."""
    contested: bool = False
    """Somebody keeps changing what is written: see who else is at work."""


class Rival(BaseModel):
    """A controller outside this system that writes the same objects, and how long it surely lives."""

    words: str
    alive_until: datetime


class Readiness(BaseModel):
    """What the upstream objects say."""

    drifted: list[str] = Field(default_factory=list)
    """Objects (kind and name, and what is the matter) that are not as they were left: render again."""
    status: UnifiedStatus | None = None
    """None when the main object is not there."""
    followed: list[AppliedObject] | None = None
    """What the operator made of the main object and follows it, as it is; None while something does not."""
    findings: list[PodFinding] = Field(default_factory=list)
    rivals: list[Rival] = Field(default_factory=list)
    """Controllers of AI Runway's own kind that were seen, if they were asked for."""


class ReleaseRequest(DeploymentRequest):
    """Delete the upstream objects of a deployment that is being deleted."""

    uid: str
    provider: str


class ReleaseAnswer(BaseModel):
    """`deleted`: objects (Kind name) whose deletion was asked for now; `remaining`: those still there."""

    deleted: list[str] = Field(default_factory=list)
    remaining: list[str] = Field(default_factory=list)


# A provider's steps run on its queue. The deployment's workflow has them done on its own queue where the
# worker that answered `validate` serves the provider: inline, or started with the answer to a workflow task.
RENDER = Step(
    name="render",
    request=RenderRequest,
    answer=RenderAnswer,
    attempt_timeout=timedelta(seconds=45),
)
APPLY_UPSTREAM = Step(
    name="apply_upstream",
    request=ApplyRequest,
    answer=ApplyAnswer,
    attempt_timeout=timedelta(seconds=45),
)
READ_READINESS = Step(
    name="read_readiness",
    request=ReadinessRequest,
    answer=Readiness,
    attempt_timeout=timedelta(seconds=30),
)
RELEASE_UPSTREAM = Step(
    name="release_upstream",
    request=ReleaseRequest,
    answer=ReleaseAnswer,
    attempt_timeout=timedelta(seconds=60),
)
