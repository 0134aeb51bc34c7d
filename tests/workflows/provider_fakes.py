"""What the fakes of a deployment's steps share, and those of its provider.

They have the names and types of the real activities; what the real ones do to a cluster is tested beside
them.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from airunway.api.decision import InstallationNeed, Outcome
from airunway.api.model_image import ModelImageSpec
from airunway.api.names import core_task_queue, provider_task_queue
from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.messages.decision import Recorded
from airunway.messages.deployment import (
    AppliedObject,
    Limits,
    PodFinding,
    RefusedChange,
    StepFailure,
)
from airunway.messages.failures import NOT_SERVED_HERE
from airunway.messages.installation import JoinRequest
from airunway.messages.installation_workflow import InstallationOutcome
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import (
    ApplyAnswer,
    ApplyRequest,
    PlannedWrite,
    Readiness,
    ReadinessRequest,
    ReleaseAnswer,
    ReleaseRequest,
    RenderAnswer,
    RenderRequest,
    WriteAction,
)
from tests.workflows.waiting import Changing

PROVIDER = "acme"


@dataclass
class FakedState(Changing):
    """What the activities see and did: one deployment, one provider, scripted answers."""

    env: WorkflowEnvironment
    ref: DeploymentRef = field(
        default_factory=lambda: DeploymentRef(
            cluster="here", namespace="ml", name=f"d-{uuid.uuid4().hex[:8]}"
        )
    )
    exists: bool = True
    uid: str = "uid-1"
    generation: int = 1
    deleted_at: datetime | None = None
    finalizers: list[str] = field(default_factory=list)
    paused: bool = False
    status_before: dict[str, Any] = field(default_factory=dict)
    recorded: list[Recorded | None] = field(default_factory=list)
    """What was told of the selection so far, whenever a provider was chosen."""
    choice_is_free: bool = False
    """The spec names no provider; nor does the status, until one is written."""
    written_by_others: int = 0
    """How often somebody writes the deployment between its look and a write that is for this version only."""

    warnings: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.OK
    finding: str = ""
    rule: str = ""
    provider_ready: bool = True
    provider_reason: str = ""
    task_queue: str = provider_task_queue("here", PROVIDER)
    installation: InstallationNeed | None = None
    """What selection finds to be missing; the installer below only notes that it was asked."""
    configs_digest: str = "configs-1"
    limits: Limits = field(default_factory=lambda: Limits(rollout_deadline=600, finalizer_timeout=300))

    upstream_phase: Phase = Phase.DEPLOYING
    upstream_message: str = ""
    upstream_generation: int = 0
    upstream_there: bool = False
    undone: bool = False
    """Somebody changes each object as soon as it is written."""
    failure: StepFailure | None = None
    pinned_images: dict[str, str] = field(default_factory=dict)
    """What rendering verifies of the images."""
    findings: list[PodFinding] = field(default_factory=list)
    replacing: str = ""
    changes_refused: list[RefusedChange] = field(default_factory=list)
    """Changes that the object cannot take, first come first served; it is made again for them."""
    remaining: list[str] = field(default_factory=list)
    wanted_image: ModelImageSpec | None = None
    """The image that the provider wants built first."""
    replaced_images: set[str] = field(default_factory=set)
    """References that the registry has another image for by now."""
    retry: str = ""
    cancel_build: str = ""
    """Values of the annotations."""
    edited_by: str = ""
    """Who wrote the spec last, and when."""

    ignored_fields: list[str] = field(default_factory=list)
    """Given fields that the provider has no use for."""
    refusals: list[StepFailure] = field(default_factory=list)
    """Failures of applying, first come first served."""
    server_warnings: list[str] = field(default_factory=list)
    """What the API server warns of with each write; remembered with the object."""

    served_locally: bool = True
    """Whether the core's worker does the provider's steps inline."""
    provider_worker: bool = True
    """Whether a worker listens on the provider's queue."""
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    """Errors to raise, by activity, first come first served."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """By step: held closed, it waits before it does anything."""

    at_gate: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """All steps, in the order in which they were begun."""
    observations: int = 0
    rendered: list[RenderRequest] = field(default_factory=list)
    applied: list[ApplyRequest] = field(default_factory=list)
    reads: list[ReadinessRequest] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    joins: list[JoinRequest] = field(default_factory=list)
    installed: InstallationOutcome | None = None
    """How the installation ended that was asked for, as it says itself."""
    installer: bool = True
    released: int = 0
    finalizers_removed: int = 0
    webhook_refusal: str = ""
    """What a webhook says against taking finalizers off."""
    status_of_others: bool = False
    phase_of_others: str = ""

    # -- what a test does to them ----------------------------------------------------------------------

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        gate = self.gates.get(name)
        if gate is not None:
            self.at_gate.append(name)
            self._notify()
            await gate.wait()
        waiting = self.errors.get(name)
        if waiting:
            self._notify()
            raise waiting.pop(0)

    def hold(self, step: str) -> asyncio.Event:
        """Have a step wait until the event is set; only ordinary activities should be held."""
        self.gates[step] = asyncio.Event()
        return self.gates[step]

    def release(self, step: str) -> None:
        """Let a step go on, and not wait again."""
        self.gates.pop(step).set()

    def _notify(self) -> None:
        self._changed.set()


@dataclass
class ProviderFakes(FakedState):
    """The provider's steps."""

    @activity.defn(name="render")
    async def render(self, request: RenderRequest) -> RenderAnswer:
        self._served()
        await self._called("render")
        self.rendered.append(request)
        self._notify()
        if not self.exists or request.uid != self.uid:
            return RenderAnswer(gone=True)
        if request.generation != self.generation or self.deleted_at is not None:
            return RenderAnswer(superseded=True)
        answer = RenderAnswer(
            wanted_model_image=self.wanted_image,
            pinned_images=self.pinned_images,
            ignored_fields=list(self.ignored_fields),
            choice_is_free=self.choice_is_free and not self.statuses,
        )
        built = request.built_model_image
        if self.wanted_image is not None and (built is None or not built.is_of(self.wanted_image)):
            return answer
        if built is not None and built.reference in self.replaced_images:
            answer.model_image_replaced, answer.objects = True, request.applied
            return answer
        if self.failure is not None:
            answer.failure = self.failure
        elif self.upstream_generation != request.generation or not self.upstream_there or self.replacing:
            replacing = self.replacing or (request.refused.why if request.refused else "")
            action = WriteAction.APPLY if self.upstream_there else WriteAction.CREATE
            answer.planned = [
                PlannedWrite(
                    action=WriteAction.DELETE if replacing else action,
                    api_version="acme.dev/v1",
                    kind="Server",
                    name=self.ref.name,
                    changed=["spec.replicas"] if self.upstream_there else [],
                    why=replacing or "the spec wants it",
                )
            ]
            answer.replacing = replacing
        else:
            answer.objects, answer.status = [self._object("unchanged")], self._upstream_status()
        return answer

    @activity.defn(name="apply_upstream")
    async def apply_upstream(self, request: ApplyRequest) -> ApplyAnswer:
        self._served()
        await self._called("apply_upstream")
        wanted = request.rendered_from
        self.applied.append(request)
        self._notify()
        if not self.exists or wanted.uid != self.uid:
            return ApplyAnswer(gone=True)
        if wanted.generation != self.generation or self.deleted_at is not None:
            return ApplyAnswer(superseded=True)
        if self.replacing or wanted.refused is not None:
            self.upstream_there = False
            return ApplyAnswer(objects=wanted.applied, deleted=[f"Server {self.ref.name}"])
        if self.changes_refused:
            return ApplyAnswer(superseded=True, refused=self.changes_refused.pop(0))
        if self.refusals:
            return ApplyAnswer(failure=self.refusals.pop(0))
        action = "configured" if self.upstream_there else "created"
        self.upstream_there, self.upstream_generation = True, wanted.generation
        return ApplyAnswer(objects=[self._object(action)], status=self._upstream_status())

    @activity.defn(name="read_readiness")
    async def read_readiness(self, request: ReadinessRequest) -> Readiness:
        self._served()
        await self._called("read_readiness")
        self.reads.append(request)
        self._notify()
        there = self.upstream_there
        return Readiness(
            drifted=[f"Server {self.ref.name} is not as it was left"] if not there or self.undone else [],
            status=self._upstream_status() if there else None,
            findings=self.findings if request.diagnose else [],
        )

    @activity.defn(name="release_upstream")
    async def release_upstream(self, request: ReleaseRequest) -> ReleaseAnswer:
        self._served()
        await self._called("release_upstream")
        self.released += 1
        deleted = [f"Server {self.ref.name}"] if self.upstream_there else []
        self.upstream_there = False
        self._notify()
        return ReleaseAnswer(deleted=deleted, remaining=self.remaining)

    def _served(self) -> None:
        on_own_queue = activity.info().task_queue == core_task_queue("here")
        if on_own_queue and not self.served_locally:
            raise ApplicationError("not here", type=NOT_SERVED_HERE, non_retryable=True)

    def _object(self, action: str) -> AppliedObject:
        return AppliedObject(
            api_version="acme.dev/v1",
            kind="Server",
            plural="servers",
            name=self.ref.name,
            uid="server-1",
            generation=self.upstream_generation,
            digest=f"digest-{self.upstream_generation}",
            action=action,
            changed=["spec.replicas"] if action == "configured" else [],
            warnings=list(self.server_warnings),
        )

    def _upstream_status(self) -> UnifiedStatus:
        ready = 1 if self.upstream_phase is Phase.RUNNING else 0
        return UnifiedStatus(
            phase=self.upstream_phase,
            message=self.upstream_message,
            replicas=ReplicaStatus(desired=1, ready=ready, available=ready),
            endpoint=EndpointStatus(service=self.ref.name, port=80),
            resource_name=self.ref.name,
            resource_kind="Server",
        )

    def provider_activities(self) -> list[Any]:
        return [self.render, self.apply_upstream, self.read_readiness, self.release_upstream]
