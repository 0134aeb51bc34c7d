"""What activities take and answer, and how each is called. Pure, so that workflows may import it.

Names are the activity types in the Temporal UI. A request says what to read, never what was seen there:
an activity reads for itself, so a retry after an hour acts on what is true then. An answer holds what a
person needs to understand the decision later, because answers are the audit log; it never holds a secret.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field, PlainSerializer

from airunway.api.core_types import Condition
from airunway.api.status import DeploymentStatus
from airunway.messages.requests import DeploymentRequest
from airunway.messages.step import Step

StatusOnWire = Annotated[DeploymentStatus, PlainSerializer(DeploymentStatus.dump)]
"""A status that travels as it is written to the cluster: what is not given is left out."""


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
    routed_by_gateway: bool = False
    """Requests for the deployment would come by a Gateway to a pool that the provider's operator makes."""

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
    history_events: int = 128
    """History after which a deployment continues as new. A replay costs 0.6 to 0.8 ms of processor time an
    event: a tenth of a second, so that those of a whole fleet after a restart are over within its minute, and
    those at once far below the time limit of a workflow task, also on a slow processor. Measured by
    `benchmarks/replay.py`; docs/costs.md."""


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
    deployment_generation: int = 0
    """The last generation of the deployment that it was found or made to be right for."""
    version: str = ""
    """What tells, without rendering, that nobody has changed the object; see `upstream.ownership`."""
    action: str = ""
    """What was done: created, recreated (it was there before), configured, repaired, unchanged, or adopted:
    left as another controller made it."""
    changed: list[str] = Field(default_factory=list)
    """Paths of the fields that were changed, e.g. `spec.replicas`; no values."""
    changed_by: list[str] = Field(default_factory=list)
    """The field managers that had set these fields, if it was repaired."""
    field_manager: str = ""
    """Under which it was written last."""
    resource_version: str = ""
    """As the last write left it."""
    asked: str = ""
    """Digest of what somebody asked for when it was rendered so; see `upstream.kept`."""
    kept: list[str] = Field(default_factory=list)
    """Paths of the fields that would be rendered otherwise and are left as they serve. At most 50."""
    warnings: list[str] = Field(default_factory=list)
    """What the API server warned of when that content was written: at most 10 lines of 300 characters."""


class RefusedChange(BaseModel):
    """A change of an object that the API server refuses for good, because the object keeps what it has."""

    uid: str
    """Of the object."""
    digest: str
    """Of what it was to become."""
    why: str


class StepFailure(BaseModel):
    """Why a step cannot be done, as the conditions to show. `final`: waiting alone will not help."""

    reason: str
    message: str
    final: bool = True
    retry_seconds: int = 0
    """When to reconcile again; 0: with the next signal."""
    by_policy: bool = False
    """What ends it lies outside of spec and configs: the next decision renders again, and asks again."""
    elsewhere: bool = False
    """Its cause lies in other objects, which the message names and no watch brings: they are looked at again
    by themselves, ever more seldom."""
    learned: str = ""
    """What it told of the cluster, for one more try at once, as it is recorded; see `provider.lessons`."""
    conditions: list[Condition] = Field(default_factory=list)


class PodFinding(BaseModel):
    """A cause read from pods and events."""

    reason: str
    message: str
    final: bool = False


# -- status, finalizers -------------------------------------------------------------------------------


class EventSpec(BaseModel):
    """A Kubernetes Event to show in `kubectl describe`. `warning` false: Normal."""

    reason: str
    message: str
    warning: bool = False


class StatusRequest(DeploymentRequest):
    """Write the whole status by server-side apply, and record events."""

    uid: str
    status: StatusOnWire | None
    """None: only events."""
    events: list[EventSpec] = Field(default_factory=list)
    resource_version: str = ""
    """Write only if the deployment is still at this version; empty: in any case."""


class StatusAnswer(BaseModel):
    """`gone`: there is nothing to write to any more; `superseded`: it is at another version by now."""

    gone: bool = False
    superseded: bool = False
    resource_version: str = ""
    """Of the deployment after the write; empty when only Events were recorded."""


class FinalizerRequest(DeploymentRequest):
    """Take this system's finalizers off a deployment."""

    uid: str


class FinalizerAnswer(BaseModel):
    """Which finalizers were removed, and which of somebody else still hold the deployment."""

    removed: list[str] = Field(default_factory=list)
    remaining: list[str] = Field(default_factory=list)
    gone: bool = False
    """There was no deployment of that uid any more."""
    refusal: str = ""
    """What the API server's webhooks say against it; then nothing was removed."""


# -- how they are called --------------------------------------------------------------------------------


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
