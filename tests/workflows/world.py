"""A small world for workflow tests: one deployment, one provider, scripted answers, in Temporal's own time.

The activities here are fakes of the same names and types as the real ones; what the real ones do to a
cluster is tested beside them.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, EngineDecision, InstallationNeed, Outcome, ProviderDecision
from airunway.api.model_image import ModelImageSpec
from airunway.api.names import core_task_queue, provider_task_queue
from airunway.api.status import DeploymentStatus, EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.messages.deployment import (
    AppliedObject,
    FinalizerAnswer,
    FinalizerRequest,
    Limits,
    Observation,
    ObserveRequest,
    PodFinding,
    ProviderView,
    ReleaseAnswer,
    ReleaseRequest,
    StatusAnswer,
    StatusRequest,
    StepFailure,
    UpstreamAnswer,
    UpstreamRequest,
)
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint, DeploymentInput, DeploymentView
from airunway.messages.failures import NOT_SERVED_HERE
from airunway.messages.installation import JOIN_INSTALLATION, JoinAnswer, JoinRequest
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from tests.workflows.waiting import Changing

PROVIDER = "acme"


@dataclass
class World(Changing):
    """What the fakes see and did. Change it, `nudge` the workflow, look at what was written."""

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

    outcome: Outcome = Outcome.OK
    finding: str = ""
    provider_ready: bool = True
    provider_reason: str = ""
    task_queue: str = provider_task_queue("here", PROVIDER)
    installation: InstallationNeed | None = None
    """What selection finds to be missing; the installer below only notes that it was asked."""
    configs_digest: str = "configs-1"
    limits: Limits = field(
        default_factory=lambda: Limits(rollout_deadline=600, finalizer_timeout=300, resync=3600)
    )

    upstream_phase: Phase = Phase.DEPLOYING
    upstream_message: str = ""
    upstream_generation: int = 0
    failure: StepFailure | None = None
    findings: list[PodFinding] = field(default_factory=list)
    replacing: str = ""
    remaining: list[str] = field(default_factory=list)
    wanted_image: ModelImageSpec | None = None
    """The image that the provider wants built first."""
    cancel_build: bool = False
    """The annotation."""

    served_locally: bool = True
    """Whether the core's worker does the provider's steps inline."""
    provider_worker: bool = True
    """Whether a worker listens on the provider's queue."""
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    """Errors to raise, by activity, first come first served."""
    gate: asyncio.Event | None = None
    """Held closed, applying waits."""

    at_gate: bool = False
    observations: int = 0
    upstream_requests: list[UpstreamRequest] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    joins: list[JoinRequest] = field(default_factory=list)
    installer: bool = True
    released: int = 0
    finalizers_removed: int = 0
    handle: WorkflowHandle[Any, Any] = field(init=False)

    # -- activities ----------------------------------------------------------------------------------

    @activity.defn(name="observe")
    async def observe(self, request: ObserveRequest) -> Observation:
        self._maybe_fail("observe")
        self.observations += 1
        self._notify()
        if not self.exists:
            return Observation(found=False)
        seen = Observation(
            found=True,
            uid=self.uid,
            generation=self.generation,
            resource_version=str(self.observations),
            deleted_at=self.deleted_at,
            finalizers=self.finalizers,
            paused=self.paused,
            cancel_build=self.cancel_build,
            limits=self.limits,
            status=DeploymentStatus.model_validate(self.status_before) if request.want_status else None,
        )
        if self.deleted_at is not None:
            seen.provider = self._provider_view()
        elif not self.paused:
            seen.decision = self._decision()
            seen.configs_digest = self.configs_digest
            seen.provider = self._provider_view()
        return seen

    def _provider_view(self) -> ProviderView:
        return ProviderView(
            name=PROVIDER,
            registered=True,
            ready=self.provider_ready,
            reason=self.provider_reason,
            message=f"provider {PROVIDER} is not ready" if not self.provider_ready else "",
            task_queue=self.task_queue,
            served_locally=self.served_locally,
        )

    def _decision(self) -> Decision:
        if self.outcome is Outcome.OK:
            good = [
                Condition(type="Validated", status=ConditionStatus.TRUE, reason="ValidationPassed"),
                Condition(type="ProviderSelected", status=ConditionStatus.TRUE, reason="AutoSelected"),
            ]
            return Decision(
                outcome=Outcome.OK,
                observed_generation=self.generation,
                message="",
                engine=EngineDecision(type="vllm", reason="explicit engine selection"),
                provider=ProviderDecision(name=PROVIDER, reason="matched capabilities"),
                conditions=good,
                installation=self.installation,
            )
        bad = Condition(
            type="Validated", status=ConditionStatus.FALSE, reason="ValidationFailed", message=self.finding
        )
        return Decision(
            outcome=self.outcome,
            observed_generation=self.generation,
            phase=Phase.FAILED if self.outcome is Outcome.INVALID else None,
            message=f"Validation failed: {self.finding}",
            conditions=[bad],
            provider=ProviderDecision(name=PROVIDER) if self.statuses and self._applied() else None,
        )

    def _applied(self) -> bool:
        return any(request.apply for request in self.upstream_requests)

    @activity.defn(name="reconcile_upstream")
    async def reconcile_upstream(self, request: UpstreamRequest) -> UpstreamAnswer:
        if not self.served_locally and activity.info().is_local:
            raise ApplicationError("not here", type=NOT_SERVED_HERE, non_retryable=True)
        self._maybe_fail("reconcile_upstream")
        if self.gate is not None:
            self.at_gate = True
            self._notify()
            await self.gate.wait()
        self.upstream_requests.append(request)
        self._notify()
        if not self.exists or request.uid != self.uid:
            return UpstreamAnswer(gone=True)
        if request.generation != self.generation or self.deleted_at is not None:
            return UpstreamAnswer(superseded=True)
        answer = UpstreamAnswer(failure=self.failure, replacing=self.replacing, objects=request.applied)
        if request.apply:
            answer.wanted_model_image = self.wanted_image
            built = request.built_model_image
            if self.wanted_image is not None and (built is None or not built.is_of(self.wanted_image)):
                return answer
        if self.failure is None:
            if request.apply and not self.replacing:
                self.upstream_generation = request.generation
                answer.objects = [self._object()]
            answer.status = self._upstream_status()
        if request.diagnose:
            answer.findings = self.findings
        return answer

    def _object(self) -> AppliedObject:
        return AppliedObject(
            api_version="acme.dev/v1",
            kind="Server",
            plural="servers",
            name=self.ref.name,
            uid="server-1",
            generation=self.upstream_generation,
            digest=f"digest-{self.upstream_generation}",
            action="created",
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

    @activity.defn(name="release_upstream")
    async def release_upstream(self, request: ReleaseRequest) -> ReleaseAnswer:
        if not self.served_locally and activity.info().is_local:
            raise ApplicationError("not here", type=NOT_SERVED_HERE, non_retryable=True)
        self._maybe_fail("release_upstream")
        self.released += 1
        self._notify()
        return ReleaseAnswer(remaining=self.remaining)

    @activity.defn(name="write_status")
    async def write_status(self, request: StatusRequest) -> StatusAnswer:
        self._maybe_fail("write_status")
        if request.status is not None:
            self.statuses.append(request.status.dump())
        self.events += [(event.reason, event.message) for event in request.events]
        self._notify()
        return StatusAnswer(gone=not self.exists)

    @activity.defn(name="remove_finalizers")
    async def remove_finalizers(self, request: FinalizerRequest) -> FinalizerAnswer:
        self._maybe_fail("remove_finalizers")
        self.finalizers_removed += 1
        removed, self.finalizers = self.finalizers, []
        self._notify()
        return FinalizerAnswer(removed=removed)

    @activity.defn(name=JOIN_INSTALLATION.name)
    async def request_installation(self, request: JoinRequest) -> JoinAnswer:
        self._maybe_fail(JOIN_INSTALLATION.name)
        self.joins.append(request)
        self._notify()
        return JoinAnswer(workflow_id="provider/acme", installer=self.installer)

    def _maybe_fail(self, name: str) -> None:
        waiting = self.errors.get(name)
        if waiting:
            self._notify()
            raise waiting.pop(0)

    def _notify(self) -> None:
        self._changed.set()

    # -- driving ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Have the deployment seen for the first time."""
        self.handle = await self.env.client.start_workflow(
            ModelDeploymentWorkflow.run,
            DeploymentInput(ref=self.ref, search_attributes=False),
            id=self.ref.workflow_id,
            task_queue=core_task_queue("here"),
            start_signal=OBJECT_CHANGED,
            start_signal_args=[self.hint("deployment seen")],
        )

    def hint(self, cause: str, *, upstream_only: bool = False) -> ChangeHint:
        if upstream_only:
            return ChangeHint(cause=cause, upstream_only=True)
        return ChangeHint(
            cause=cause, uid=self.uid, generation=self.generation, deleted=self.deleted_at is not None
        )

    async def nudge(self, cause: str = "changed", *, upstream_only: bool = False) -> None:
        await self.handle.signal(OBJECT_CHANGED, self.hint(cause, upstream_only=upstream_only))

    async def edit(self) -> None:
        """A new generation."""
        self.generation += 1
        await self.nudge(f"generation {self.generation}")

    async def delete(self) -> None:
        self.deleted_at = await self.env.get_current_time()
        await self.nudge("deletion")

    async def upstream(self, phase: Phase, message: str = "") -> None:
        self.upstream_phase, self.upstream_message = phase, message
        await self.nudge("Server changed", upstream_only=True)

    async def until_phase(self, phase: Phase) -> dict[str, Any]:
        await self.until(lambda: bool(self.statuses) and self.statuses[-1]["phase"] == phase)
        return self.statuses[-1]

    async def quiet(self) -> DeploymentView:
        """Wait until the workflow has done all it can do now; answers its state."""
        while True:
            before = (await self.handle.describe()).history_length
            view = await self.handle.query(ModelDeploymentWorkflow.view)
            if view.next_reconcile_at is not None and (await self.handle.describe()).history_length == before:
                return view

    async def skip(self, time: timedelta) -> None:
        await self.env.sleep(time)

    @property
    def status(self) -> dict[str, Any]:
        return self.statuses[-1]

    def condition(self, kind: str) -> dict[str, Any]:
        return next(entry for entry in self.status["conditions"] if entry["type"] == kind)

    def activities(self) -> list[Any]:
        return [
            self.observe,
            self.reconcile_upstream,
            self.release_upstream,
            self.write_status,
            self.remove_finalizers,
            self.request_installation,
        ]
