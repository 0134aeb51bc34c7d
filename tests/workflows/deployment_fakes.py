"""The fakes of the core's steps of a deployment; see `provider_fakes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from temporalio import activity

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, EngineDecision, Outcome, ProviderDecision
from airunway.api.names import is_provider_finalizer
from airunway.api.status import DeploymentStatus, Phase
from airunway.messages.decision import (
    EngineSelection,
    Observation,
    ProviderSelection,
    SelectionRequest,
    ValidateRequest,
)
from airunway.messages.deployment import (
    FinalizerAnswer,
    FinalizerRequest,
    ProviderView,
    StatusAnswer,
    StatusRequest,
)
from airunway.messages.installation import JOIN_INSTALLATION, JoinAnswer, JoinRequest
from airunway.messages.installation_workflow import (
    READ_INSTALLATION,
    ReadInstallationAnswer,
    ReadInstallationRequest,
)
from tests.workflows.gateway_fakes import GatewayFakes
from tests.workflows.provider_fakes import PROVIDER


@dataclass
class DeploymentFakes(GatewayFakes):
    """All steps of a deployment but those of its image."""

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
            edited_by=self.edited_by,
            gateway_enabled=self.gateway_enabled,
            serves_gateway=self.gateway_served,
            warnings=self.warnings,
            limits=self.limits,
            status=DeploymentStatus.model_validate(self.status_before) if request.want_status else None,
            status_of_others=self.status_of_others and request.want_status,
            phase_of_others=self.phase_of_others,
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
        self.recorded.append(request.recorded)
        self._notify()
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
        if request.resource_version and self.written_by_others:
            self.written_by_others -= 1
            return StatusAnswer(superseded=True)
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
        if self.webhook_refusal:
            return FinalizerAnswer(remaining=self.finalizers, refusal=self.webhook_refusal)
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

    @activity.defn(name=READ_INSTALLATION.name)
    async def read_installation(self, request: ReadInstallationRequest) -> ReadInstallationAnswer:
        await self._called(READ_INSTALLATION.name)
        self._notify()
        return ReadInstallationAnswer(outcome=self.installed)

    def activities(self) -> list[Any]:
        return [
            self.validate,
            self.select_engine,
            self.evaluate_provider_rules,
            self.write_status,
            self.remove_finalizers,
            self.install_provider,
            self.read_installation,
            *self.gateway_activities(),
            *self.provider_activities(),
        ]
