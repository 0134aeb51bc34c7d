"""The steps that publish a deployment behind a Gateway: read, apply, remove. Pure.

As with upstream objects, reading decides and writes nothing: its answer says object by object what is to be
done, and applying does just that. A deployment is never held up by either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, PlainSerializer

from airunway.api.core_types import Condition
from airunway.api.status import GatewayStatus
from airunway.messages.deployment import AppliedObject, RefusedChange
from airunway.messages.refs import DeploymentRef
from airunway.messages.requests import DeploymentRequest, StepRequest
from airunway.messages.step import Step
from airunway.messages.upstream import PlannedWrite

GatewayStatusOnWire = Annotated[GatewayStatus, PlainSerializer(GatewayStatus.dump)]


class ProbedModelName(BaseModel):
    """What a deployment's server called its model. `name` empty: it said nothing of use."""

    key: str
    """Of generation and Service: another one is asked again."""
    name: str = ""
    at: datetime


class GatewayState(BaseModel):
    """What a deployment's workflow remembers of how it is published."""

    applied: list[AppliedObject] = Field(default_factory=list)
    probed: ProbedModelName | None = None
    touched: bool = False
    """Something may have been written that has to go again."""
    granted: list[str] = Field(default_factory=list)
    """Namespace and name of the ReferenceGrants that may have been written for it."""
    removing_since: datetime | None = None
    """When taking it back did not succeed for the first time."""
    failures: int = 0
    """In a row, for the delays between."""


class GatewayRequest(DeploymentRequest):
    """Find out how a deployment is published, and what has to be written for it."""

    uid: str
    generation: int
    provider: str
    engine: str
    applied: list[AppliedObject] = Field(default_factory=list)
    probed: ProbedModelName | None = None
    granted: list[str] = Field(default_factory=list)
    """Permissions that were given for it, of which some may not be needed any more."""
    fresh: bool = False
    """Something changed just now: what the cluster serves is asked again, not remembered."""

    @property
    def refused(self) -> RefusedChange | None:
        """Its objects are never made again for a change that is refused."""
        return None


class GatewayReading(BaseModel):
    """How it is published, and what has to be written; with nothing to write that is the whole truth."""

    gone: bool = False
    superseded: bool = False
    """It changed, is being deleted or paused, or does not run: look again."""
    missing_kinds: str = ""
    """Kinds that the cluster does not serve, in words: nothing can be published."""
    planned: list[PlannedWrite] = Field(default_factory=list)
    objects: list[AppliedObject] = Field(default_factory=list)
    """As they are, when nothing has to be written."""
    condition: Condition | None = None
    """`GatewayReady`."""
    status: GatewayStatusOnWire | None = None
    """None: what the status says stays as it is."""
    probed: ProbedModelName | None = None
    granted: list[str] = Field(default_factory=list)
    """What `GatewayState.granted` has to be before anything is written."""
    recheck_seconds: int = 0
    """It hangs on objects that no watch brings: after so long it is looked at again. 0: it does not."""


class ApplyGatewayRequest(StepRequest):
    """Do what was planned for one generation."""

    read_from: GatewayRequest
    planned: list[PlannedWrite]

    @property
    def ref(self) -> DeploymentRef:
        """The deployment, where every request about one has it."""
        return self.read_from.ref

    def asking_workflow(self, cluster: str) -> str:
        """The deployment's own."""
        return self.ref.workflow_id


class ApplyGatewayAnswer(BaseModel):
    """What was done, and how the deployment is published now."""

    gone: bool = False
    superseded: bool = False
    """It would be something else by now, so nothing was done: look again."""
    objects: list[AppliedObject] = Field(default_factory=list)
    changed: list[str] = Field(default_factory=list)
    """What else was changed, in words: a Gateway's listeners, a permission."""
    deleted: list[str] = Field(default_factory=list)
    condition: Condition | None = None
    status: GatewayStatusOnWire | None = None
    refused: bool = False
    """A write was refused: it is tried again, ever more seldom."""


class RemoveGatewayRequest(DeploymentRequest):
    """Take back whatever publishes a deployment that is deleted, gone, or not to be published."""

    uid: str
    applied: list[AppliedObject] = Field(default_factory=list)


class RemoveGatewayAnswer(BaseModel):
    """What was deleted and closed."""

    deleted: list[str] = Field(default_factory=list)
    changed: list[str] = Field(default_factory=list)


READ_GATEWAY = Step(
    name="read_gateway",
    request=GatewayRequest,
    answer=GatewayReading,
    attempt_timeout=timedelta(seconds=30),
    inline=True,
)
APPLY_GATEWAY = Step(
    name="apply_gateway",
    request=ApplyGatewayRequest,
    answer=ApplyGatewayAnswer,
    attempt_timeout=timedelta(seconds=30),
)
REMOVE_GATEWAY = Step(
    name="remove_gateway",
    request=RemoveGatewayRequest,
    answer=RemoveGatewayAnswer,
    attempt_timeout=timedelta(seconds=30),
)
