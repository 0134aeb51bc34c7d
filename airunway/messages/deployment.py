"""What activities take and answer, and how each is called. Pure, so that workflows may import it.

Names are the activity types in the Temporal UI. A request says what to read, never what was seen there:
an activity reads for itself, so a retry after an hour acts on what is true then. An answer holds what a
person needs to understand the decision later, because answers are the audit log; it never holds a secret.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, PlainSerializer

from airunway.api.core_types import Condition
from airunway.api.decision import Decision
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.api.status import DeploymentStatus, ServingImageStatus, UnifiedStatus
from airunway.messages.refs import DeploymentRef
from airunway.messages.step import Step

StatusOnWire = Annotated[DeploymentStatus, PlainSerializer(DeploymentStatus.dump)]
"""A status that travels as it is written to the cluster: what is not given is left out."""

# -- observe ------------------------------------------------------------------------------------------


class ObserveRequest(BaseModel):
    """Observe a deployment and decide.

    `want_status`: also answer its present status (first reconcile). `chosen_*`: a selection that was made but
    not yet written to the status; it stands for the object of that uid, whatever the configs say now.
    """

    ref: DeploymentRef
    want_status: bool = False
    chosen_for: str = ""
    chosen_engine: str = ""
    chosen_provider: str = ""


class ProviderView(BaseModel):
    """What the chosen provider's InferenceProviderConfig says now."""

    name: str
    registered: bool
    ready: bool = False
    reason: str = ""
    message: str = ""
    task_queue: str = ""
    """Queue of its worker; empty: a provider controller of AI Runway's kind acts on the deployment."""
    served_locally: bool = False
    """The process that answers this can do the provider's steps itself."""

    @property
    def externally_managed(self) -> bool:
        """Whether a provider controller outside this system acts on its deployments."""
        return self.registered and not self.task_queue


class Limits(BaseModel):
    """Limits from the settings, times in seconds; recorded, so that a replay sees the same."""

    rollout_deadline: float
    finalizer_timeout: float
    step_patience: float = 60
    """How long a provider's step is waited for before the status says that it cannot be done now."""
    history_events: int = 250
    """History after which a deployment continues as new. A replay costs 0.6 to 0.8 ms of processor time an
    event: a fifth of a second, so that a worker's replays at once stay far below the time limit of a workflow
    task also on a slow processor. Measured by `benchmarks/replay.py`; docs/operations.md, "What it costs"."""


class Observation(BaseModel):
    """A deployment as it is now, and what follows from it."""

    found: bool
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deleted_at: datetime | None = None
    finalizers: list[str] = Field(default_factory=list)
    paused: bool = False
    cancel_build: bool = False
    """A person does not want an image built for it (annotation)."""
    status: StatusOnWire | None = None
    """As the cluster has it, when it was asked for."""
    decision: Decision | None = None
    """None while it is being deleted or paused. `provider` is then the one that the deletion waits for."""
    configs_digest: str = ""
    """Changes when a provider's offer or readiness changes: a reason to try again after a failure."""
    provider: ProviderView | None = None
    limits: Limits | None = None


# -- upstream -----------------------------------------------------------------------------------------


class AppliedObject(BaseModel):
    """An upstream object as it was left after the last apply."""

    api_version: str
    kind: str
    plural: str
    name: str
    uid: str = ""
    generation: int = 0
    digest: str = ""
    """Of the rendered object; equal digest and generation mean that nothing needs to be written."""
    version: str = ""
    """What tells, without rendering, that nobody has changed the object; see `upstream.ownership`."""
    action: str = ""
    """What was done: created, recreated (it was there before), configured, repaired, or unchanged."""
    changed: list[str] = Field(default_factory=list)
    """Paths of the fields that were changed, e.g. `spec.replicas`; no values."""
    field_manager: str = ""
    """Under which it was written last."""
    resource_version: str = ""
    """As the last write left it."""


class UpstreamRequest(BaseModel):
    """Ensure the upstream objects of one generation, and read their state.

    `apply` false: only read (the spec of this generation is refused, or a failure stands).
    """

    ref: DeploymentRef
    uid: str
    generation: int
    resource_version: str = ""
    """Version that was decided on, if this reconcile has just read it."""
    provider: str
    engine: str
    apply: bool = True
    only_upstream_changed: bool = False
    """The deployment is as it was at the last reconcile, so its upstream objects need to be read only."""
    diagnose: bool = False
    applied: list[AppliedObject] = Field(default_factory=list)
    image: ServingImageStatus | None = None
    built_model_image: ModelImageRef | None = None


class StepFailure(BaseModel):
    """Why a step cannot be done, as the conditions to show. `final`: waiting alone will not help."""

    reason: str
    message: str
    final: bool = True
    retry_seconds: int = 0
    """When to reconcile again; 0: with the next signal."""
    conditions: list[Condition] = Field(default_factory=list)


class PodFinding(BaseModel):
    """A cause read from pods and events."""

    reason: str
    message: str
    final: bool = False


class UpstreamAnswer(BaseModel):
    """What was done and what is seen."""

    gone: bool = False
    """The deployment was deleted, or is another one of the same name."""
    superseded: bool = False
    """Its generation moved on, or it was paused: reconcile again."""
    failure: StepFailure | None = None
    objects: list[AppliedObject] = Field(default_factory=list)
    replacing: str = ""
    """Why the main object is being deleted to be made again; reconcile when it is gone."""
    waiting: str = ""
    """What must be ready before the objects can be written, e.g. a claim."""
    retry_seconds: int = 0
    status: UnifiedStatus | None = None
    conditions: list[Condition] = Field(default_factory=list)
    cleared: list[str] = Field(default_factory=list)
    """Condition types that do not apply any more."""
    image: ServingImageStatus | None = None
    wanted_model_image: ModelImageSpec | None = None
    """The model image that rendering needs; without it nothing was written."""
    ignored_fields: list[str] | None = None
    """Given fields that the provider cannot honour; None when nobody checked."""
    findings: list[PodFinding] = Field(default_factory=list)


class ReleaseRequest(BaseModel):
    """Delete the upstream objects of a deployment that is being deleted."""

    ref: DeploymentRef
    uid: str
    provider: str


class ReleaseAnswer(BaseModel):
    """`remaining`: objects (Kind name) that are still there."""

    remaining: list[str] = Field(default_factory=list)


# -- status, finalizers -------------------------------------------------------------------------------


class EventSpec(BaseModel):
    """A Kubernetes Event to show in `kubectl describe`. `warning` false: Normal."""

    reason: str
    message: str
    warning: bool = False


class StatusRequest(BaseModel):
    """Write the whole status by server-side apply, and record events."""

    ref: DeploymentRef
    uid: str
    status: StatusOnWire | None
    """None: only events."""
    events: list[EventSpec] = Field(default_factory=list)


class StatusAnswer(BaseModel):
    """`gone`: there is nothing to write to any more."""

    gone: bool = False
    resource_version: str = ""
    """Of the deployment after the write; empty when only Events were recorded."""


class FinalizerRequest(BaseModel):
    """Take this system's finalizers off a deployment."""

    ref: DeploymentRef
    uid: str


class FinalizerAnswer(BaseModel):
    """Which finalizers were removed, and which of somebody else still hold the deployment."""

    removed: list[str] = Field(default_factory=list)
    remaining: list[str] = Field(default_factory=list)
    gone: bool = False
    """There was no deployment of that uid any more."""


# -- how they are called --------------------------------------------------------------------------------


OBSERVE = Step(
    name="observe",
    request=ObserveRequest,
    answer=Observation,
    attempt_timeout=timedelta(seconds=30),
    inline=True,
)
RECONCILE_UPSTREAM = Step(
    name="reconcile_upstream",
    request=UpstreamRequest,
    answer=UpstreamAnswer,
    attempt_timeout=timedelta(seconds=45),
)
RELEASE_UPSTREAM = Step(
    name="release_upstream",
    request=ReleaseRequest,
    answer=ReleaseAnswer,
    attempt_timeout=timedelta(seconds=60),
)
WRITE_STATUS = Step(
    name="write_status",
    request=StatusRequest,
    answer=StatusAnswer,
    attempt_timeout=timedelta(seconds=30),
)
REMOVE_FINALIZERS = Step(
    name="remove_finalizers",
    request=FinalizerRequest,
    answer=FinalizerAnswer,
    attempt_timeout=timedelta(seconds=30),
)
