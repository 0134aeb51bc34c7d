"""What a deployment's workflow knows, and hands to the next run when it continues as new. Pure.

Data only: `workflows.model_deployment.status_updates` changes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from airunway.api.core_types import Condition
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.api.status import DeploymentStatus
from airunway.messages.commands import Asked
from airunway.messages.deployment import AppliedObject, EventSpec, RefusedChange, StatusOnWire
from airunway.messages.gateway import GatewayState
from airunway.messages.journal import Journal
from airunway.messages.model_image import BuildProgress, ModelImagePhase
from airunway.modelimage.plan import ModelImagePlan

MODEL_IMAGE_READY = "ModelImageReady"
"""Condition of a deployment that waits for a model image, or has one."""
IMAGE_BUILDING = "ImageBuilding"
"""Its reason while the image is being built."""
IMAGE_NOT_ALLOWED, IMAGE_NOT_VERIFIED = "ImageNotAllowed", "ImageNotVerified"
MODEL_NOT_ALLOWED, POLICY_UNREADABLE = "ModelNotAllowed", "PolicyUnreadable"
POLICY_REASONS = frozenset({IMAGE_NOT_ALLOWED, IMAGE_NOT_VERIFIED, MODEL_NOT_ALLOWED, POLICY_UNREADABLE})
"""Reasons of conditions that an administrator's policy for images and models turned False."""


WAITING_FOR_PODS = "upstream object created, waiting for pods to become ready"
PODS_READY = "all pods are ready"
_CALM = frozenset({"", WAITING_FOR_PODS, PODS_READY})
"""Messages that say nothing which somebody must know."""


class StandingFailure(BaseModel):
    """A final failure: it stays until the spec, the configs or a retry give a reason to try again."""

    generation: int
    configs_digest: str
    reason: str
    message: str = ""
    rollout: bool = False
    """The upstream object is there but does not come up; if it does after all, the failure is over."""
    by_upstream: bool = False
    """The upstream object says that it failed; when it says otherwise, the failure is over."""
    by_deadline: bool = False
    """It is not ready in time; what it says of that may change."""
    by_policy: bool = False
    """An administrator's policy refused it, which may change: each decision asks again."""
    elsewhere: bool = False
    """Its cause lies in other objects: they are looked at again by themselves, ever more seldom."""


FIELDS_CONTESTED = "FieldsContested"
"""Condition that is there, and True, while somebody keeps changing what is applied."""


MAX_REPAIRS = 3
"""In a row, of what somebody else changes. A person who tries things out is answered at once; what comes a
fourth time is no person."""


class Contention(BaseModel):
    """Somebody keeps changing what is applied. `fields`: object, paths and field managers, in words."""

    repairs: int = 0
    """In a row."""
    last: datetime
    """The latest of them."""
    fields: str = ""
    rival: str = ""
    """A controller that still runs and does it, in words; empty: none is known."""
    is_pending: bool = False
    """It was changed since, and that was left."""

    @property
    def is_contest(self) -> bool:
        """Whether it came to a standstill."""
        return self.repairs >= MAX_REPAIRS


class InstallationWait(BaseModel):
    """An installation that this deployment asked for, until its provider is ready."""

    provider: str
    asked_at: datetime | None = None
    """None: to be asked for again at the next reconcile."""
    again: bool = False
    """Then a failed step is to be tried again."""
    report_due: bool = False
    """It is said to have ended: how is to be read from it."""
    reason: str = ""
    words: str = ""
    """How it stands, as the condition `ProviderInstalled` says it."""


class ModelImageState(BaseModel):
    """How the image of one spec stands. `plan` is None until it is known what goes into it."""

    spec: ModelImageSpec
    generation: int = 0
    """Of the deployment, when it last began to wait."""
    plan: ModelImagePlan | None = None
    cancel_asked: bool = False
    retry_asked: bool = False
    """What a person asked for, until a reconcile does it. Kept here: a new run may not lose it."""
    workflow_id: str = ""
    """The workflow that was joined; empty: not waiting."""
    reported_at: datetime | None = None
    next_within: timedelta = timedelta(0)
    """When the image's workflow meant to report again, from `reported_at` on."""
    outcome_due: bool = False
    """It is said to be over: what came of it is to be read from the registry, or from that workflow."""
    phase: ModelImagePhase = ModelImagePhase.WAITING
    progress: BuildProgress = BuildProgress(step="resolving the model")
    image: ModelImageRef | None = None
    """Once it is ready."""
    reason: str = ""
    message: str = ""
    failed_at: datetime | None = None
    failures: int = 0
    """In a row, of attempts that began by themselves or failed first."""

    @property
    def is_waiting(self) -> bool:
        """Whether an image workflow counts on this deployment."""
        return bool(self.workflow_id) and not self.phase.is_final

    @property
    def built(self) -> ModelImageRef | None:
        """What rendering may use."""
        return self.image.taken_for(self.spec) if self.image else None


class DeploymentState(BaseModel):
    """Everything a run hands to the next when it continues as new."""

    uid: str = ""
    status: StatusOnWire = Field(default_factory=DeploymentStatus)
    """As it is to be written, but for what belongs to a provider controller outside."""
    finding: str = ""
    """Why the spec of this generation is refused, while what was accepted before may go on serving."""
    accepted: int = 0
    """The last generation that was not refused: what upstream objects are made from."""
    model_image: ModelImageState | None = None
    """The image that is built for it; None when the provider wants none."""
    applied: list[AppliedObject] = Field(default_factory=list)
    refused: RefusedChange | None = None
    """The change of an upstream object that is refused for good, so that the object is made again."""
    followed: list[AppliedObject] = Field(default_factory=list)
    """What the operator made of the main object and follows it, as it was left."""
    stage_warnings: dict[str, list[str]] = Field(default_factory=dict)
    """What the API server warned of when objects of stages were created, by kind and name."""
    follows: bool = False
    """Whether any of that is to follow."""
    pinned_images: dict[str, str] = Field(default_factory=dict)
    """Image references with a tag that were verified, and the digests that they are deployed by."""
    replica_selector: str = ""
    """Label selector of the pods that serve it; empty while nothing was rendered."""
    pod_label: str = ""
    """The label of its pods when it was rendered."""
    pods_seen: bool = False
    """Pods that serve it were seen; see `UnifiedStatus`."""
    failure: StandingFailure | None = None
    trouble: str = ""
    """What is the matter with what ran before and goes on, while a newer generation cannot be applied."""
    rollout_since: datetime | None = None
    """When the present roll-out began; None while everything is ready."""
    diagnoses: int = 0
    """How often pods were diagnosed in this roll-out, for the delays between."""
    contentions: dict[str, Contention] = Field(default_factory=dict)
    """By what it is about, the objects or the status; none: what was written stayed as it was."""
    looks_elsewhere: int = 0
    """How often in a row the objects that are in its way were looked at, for the delays between."""
    failed_attempts: int = 0
    """Reconciles in a row that ended without a provider, for the delays between."""
    externally_managed: bool = False
    """A provider controller outside this system acts on it and writes phase, message and readiness."""
    installation: InstallationWait | None = None
    paused_by: Asked | None = None
    """Who paused it by a command; None: nobody."""
    annotations_done: dict[str, str] = Field(default_factory=dict)
    """Values of the annotations that act once, as they were last acted on."""
    journal: Journal = Field(default_factory=Journal)
    """Outlives the object: what happened to one of the same name before is a reason too."""
    journal_phase: str = ""
    """The phase that the journal knows of."""
    gateway: GatewayState = Field(default_factory=GatewayState)
    """How it is published."""
    events_due: list[EventSpec] = Field(default_factory=list)
    """Kubernetes Events to be recorded with the next status write."""
    model: str = ""
    """spec.model.id, for people."""
    warnings: list[str] = Field(default_factory=list)
    """What a person should know of this generation although nothing is refused."""
    written: str = ""
    """Digest of the status as last written; equal means nothing to write."""
    selection_written: bool = False
    """The status as last written names the provider."""

    @property
    def generation(self) -> int:
        """The generation that was last decided on."""
        return self.status.observed_generation or 0

    @property
    def engine(self) -> str:
        """The selected engine; empty: none."""
        return (self.status.engine.type if self.status.engine else None) or ""

    @property
    def provider(self) -> str:
        """The selected provider; empty: none."""
        return (self.status.provider.name if self.status.provider else None) or ""

    @property
    def conditions(self) -> list[Condition]:
        """The status's conditions, to be changed in place."""
        if self.status.conditions is None:
            self.status.conditions = []
        return self.status.conditions

    @property
    def shown_message(self) -> str:
        """What a person needs to know, and first what is the matter with what serves."""
        told = self.status.message or ""
        if self.finding:
            is_told = told in _CALM or self.finding in told or not self.applied
            return self.finding if is_told else f"{told}; the last edit is refused: {self.finding}"
        trouble = self.trouble if self.is_step_failed and self.trouble not in told else ""
        return "; ".join(words for words in (trouble, told) if words)

    @property
    def is_contested(self) -> bool:
        """Whether there is a standstill, because somebody keeps changing what is written."""
        return any(known.is_contest for known in self.contentions.values())

    @property
    def is_step_failed(self) -> bool:
        """Whether this generation could not be applied for good."""
        return self.failure is not None and not self.failure.rollout
