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
from airunway.api.names import core_task_queue, is_provider_finalizer, provider_task_queue
from airunway.api.status import DeploymentStatus, EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.messages.commands import Asked, CommandAnswer
from airunway.messages.decision import (
    EngineSelection,
    Observation,
    ProviderSelection,
    SelectionRequest,
    ValidateRequest,
)
from airunway.messages.deployment import (
    AppliedObject,
    FinalizerAnswer,
    FinalizerRequest,
    Limits,
    PodFinding,
    ProviderView,
    StatusAnswer,
    StatusRequest,
    StepFailure,
)
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint, DeploymentInput, DeploymentView
from airunway.messages.failures import NOT_SERVED_HERE
from airunway.messages.installation import JOIN_INSTALLATION, JoinAnswer, JoinRequest
from airunway.messages.journal import Journal
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
    failure: StepFailure | None = None
    findings: list[PodFinding] = field(default_factory=list)
    replacing: str = ""
    remaining: list[str] = field(default_factory=list)
    wanted_image: ModelImageSpec | None = None
    """The image that the provider wants built first."""
    retry: str = ""
    cancel_build: str = ""
    """Values of the annotations."""

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
    installer: bool = True
    released: int = 0
    finalizers_removed: int = 0
    handle: WorkflowHandle[Any, Any] = field(init=False)

    # -- the core's activities -----------------------------------------------------------------------

    @activity.defn(name="validate")
    async def validate(self, request: ValidateRequest) -> Observation:
        await self._called("validate")
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
            retry=self.retry,
            cancel_build=self.cancel_build,
            model="example/tiny",
            warnings=self.warnings,
            limits=self.limits,
            status=DeploymentStatus.model_validate(self.status_before) if request.want_status else None,
        )
        if self.deleted_at is not None:
            seen.holder = self._provider_view()
        elif self.outcome is Outcome.INVALID:
            seen.refused = self._refused()
        return seen

    @activity.defn(name="select_engine")
    async def select_engine(self, request: SelectionRequest) -> EngineSelection:
        await self._called("select_engine")
        if self._moved_on(request):
            return EngineSelection(superseded=True)
        if self.outcome is Outcome.ENGINE_FAILED:
            return EngineSelection(refused=self._refused())
        return EngineSelection(engine="vllm", reason="explicit engine selection")

    @activity.defn(name="evaluate_provider_rules")
    async def evaluate_provider_rules(self, request: SelectionRequest) -> ProviderSelection:
        await self._called("evaluate_provider_rules")
        if self._moved_on(request):
            return ProviderSelection(superseded=True)
        decision = self._accepted() if self.outcome is Outcome.OK else self._refused()
        return ProviderSelection(
            decision=decision,
            rule=self.rule,
            provider=self._provider_view() if decision.provider is not None else None,
            configs_digest=self.configs_digest,
        )

    def _moved_on(self, request: SelectionRequest) -> bool:
        return (request.uid, request.generation) != (self.uid, self.generation)

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

    def _accepted(self) -> Decision:
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

    def _refused(self) -> Decision:
        bad = Condition(
            type="Validated", status=ConditionStatus.FALSE, reason="ValidationFailed", message=self.finding
        )
        return Decision(
            outcome=self.outcome,
            observed_generation=self.generation,
            phase=Phase.FAILED if self.outcome is Outcome.INVALID else None,
            message=f"Validation failed: {self.finding}",
            conditions=[bad],
            provider=ProviderDecision(name=PROVIDER) if self.statuses and self.applied else None,
        )

    @activity.defn(name="write_status")
    async def write_status(self, request: StatusRequest) -> StatusAnswer:
        await self._called("write_status")
        if request.status is not None:
            self.statuses.append(request.status.dump())
        self.events += [(event.reason, event.message) for event in request.events]
        self._notify()
        return StatusAnswer(gone=not self.exists)

    @activity.defn(name="remove_finalizers")
    async def remove_finalizers(self, request: FinalizerRequest) -> FinalizerAnswer:
        await self._called("remove_finalizers")
        if request.uid != self.uid:
            return FinalizerAnswer()
        self.finalizers_removed += 1
        removed = [entry for entry in self.finalizers if is_provider_finalizer(entry)]
        self.finalizers = [entry for entry in self.finalizers if entry not in removed]
        if self.deleted_at is not None and not self.finalizers:
            self.exists = False
        self._notify()
        return FinalizerAnswer(removed=removed)

    @activity.defn(name=JOIN_INSTALLATION.name)
    async def install_provider(self, request: JoinRequest) -> JoinAnswer:
        await self._called(JOIN_INSTALLATION.name)
        self.joins.append(request)
        self._notify()
        return JoinAnswer(workflow_id="provider/acme", installer=self.installer)

    # -- the provider's ----------------------------------------------------------------------------------

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
        answer = RenderAnswer(wanted_model_image=self.wanted_image)
        built = request.built_model_image
        if self.wanted_image is not None and (built is None or not built.is_of(self.wanted_image)):
            return answer
        if self.failure is not None:
            answer.failure = self.failure
        elif self.upstream_generation != request.generation or not self.upstream_there or self.replacing:
            action = WriteAction.APPLY if self.upstream_there else WriteAction.CREATE
            answer.planned = [
                PlannedWrite(
                    action=WriteAction.DELETE if self.replacing else action,
                    api_version="acme.dev/v1",
                    kind="Server",
                    name=self.ref.name,
                    changed=["spec.replicas"] if self.upstream_there else [],
                    why=self.replacing or "the spec wants it",
                )
            ]
            answer.replacing = self.replacing
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
        if self.replacing:
            self.upstream_there = False
            return ApplyAnswer(objects=wanted.applied, deleted=[f"Server {self.ref.name}"])
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
            drifted=[] if there else [f"Server {self.ref.name} is not there"],
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

    # -- driving ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Have the deployment seen for the first time."""
        self.handle = await self.env.client.start_workflow(
            ModelDeploymentWorkflow.run,
            DeploymentInput(ref=self.ref),
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
        """Have it deleted; at once where nothing holds it."""
        self.deleted_at = await self.env.get_current_time()
        self.exists = bool(self.finalizers)
        await self.nudge("deletion")

    async def recreate(self, uid: str) -> None:
        """Another deployment of the same name, made by a person while the old one goes."""
        self.uid, self.exists, self.deleted_at, self.finalizers = uid, True, None, []
        self.generation, self.upstream_there = 1, False
        await self.nudge("deployment seen")

    async def command(self, name: str, *, by: str = "alice@laptop", reason: str = "") -> str:
        """Ask for something; answers what was done. Raises WorkflowUpdateFailedError when it is refused."""
        answer = await self.handle.execute_update(
            name, Asked(by=by, reason=reason), result_type=CommandAnswer
        )
        return answer.message

    async def journal(self) -> list[tuple[str, str]]:
        """Kind and message of its entries."""
        journal: Journal = await self.handle.query(ModelDeploymentWorkflow.journal_entries)
        return [(entry.what, entry.message) for entry in journal.entries]

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
            if view.waiting and (await self.handle.describe()).history_length == before:
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
            self.validate,
            self.select_engine,
            self.evaluate_provider_rules,
            self.write_status,
            self.remove_finalizers,
            self.install_provider,
            *self.provider_activities(),
        ]

    def provider_activities(self) -> list[Any]:
        return [self.render, self.apply_upstream, self.read_readiness, self.release_upstream]
