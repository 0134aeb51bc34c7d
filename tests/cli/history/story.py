"""A deployment's life with the steps of the real one, with made-up answers: to have histories to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from airunway.api.decision import Candidate, Decision, Outcome, ProviderDecision
    from airunway.api.names import DEPLOYMENT_WORKFLOW
    from airunway.api.status import DeploymentStatus, Phase, UnifiedStatus
    from airunway.messages.commands import RETRY, Asked, CommandAnswer
    from airunway.messages.decision import (
        EngineCandidate,
        EngineSelection,
        Observation,
        ProviderSelection,
    )
    from airunway.messages.deployment import AppliedObject, StatusAnswer, StatusRequest
    from airunway.messages.deployment_state import DeploymentState
    from airunway.messages.deployment_workflow import ChangeHint, DeploymentInput
    from airunway.messages.journal import Journal
    from airunway.messages.model_image import JoinModelImageAnswer
    from airunway.messages.refs import DeploymentRef
    from airunway.messages.upstream import (
        ApplyAnswer,
        ApplyRequest,
        PlannedWrite,
        Readiness,
        ReadinessRequest,
        RenderRequest,
        WriteAction,
    )

IMAGE_ID = "image/here/acme/tiny/abc"
SHORT = timedelta(seconds=10)
WORKSPACE = {"api_version": "kaito.sh/v1", "kind": "Workspace", "name": "chat"}
attempts = {"apply_upstream": 0}


@activity.defn
async def validate(ref: DeploymentRef) -> Observation:
    return Observation(found=True, uid="u", generation=4, model="acme/tiny")


@activity.defn
async def select_engine(ref: DeploymentRef) -> EngineSelection:
    candidates = [EngineCandidate(engine="sglang", why_not="no provider offers it")]
    return EngineSelection(engine="vllm", reason="the only one that fits", candidates=candidates)


@activity.defn
async def evaluate_provider_rules(ref: DeploymentRef) -> ProviderSelection:
    decision = Decision(
        outcome=Outcome.OK,
        provider=ProviderDecision(name="kaito", reason="highest score"),
        candidates=[Candidate(provider="vllm", why_not="no GPU is asked for")],
    )
    return ProviderSelection(decision=decision, rule="spec.resources.gpu.count == 0")


@activity.defn
async def build_image(ref: DeploymentRef) -> JoinModelImageAnswer:
    return JoinModelImageAnswer(workflow_id=IMAGE_ID)


@activity.defn
async def apply_upstream(request: ApplyRequest) -> ApplyAnswer:
    attempts["apply_upstream"] += 1
    if attempts["apply_upstream"] == 1:
        raise RuntimeError("the API server is away")
    return ApplyAnswer(objects=[AppliedObject(plural="workspaces", action="created", **WORKSPACE)])


@activity.defn
async def read_readiness(request: ReadinessRequest) -> Readiness:
    return Readiness(status=UnifiedStatus(phase=Phase.RUNNING))


@activity.defn
async def write_status(request: StatusRequest) -> StatusAnswer:
    return StatusAnswer()


ACTIVITIES = [
    validate,
    select_engine,
    evaluate_provider_rules,
    build_image,
    apply_upstream,
    read_readiness,
    write_status,
]


@workflow.defn(name="ModelImageWorkflow")
class StoryImage:
    """Waits to be told the end."""

    def __init__(self) -> None:
        self.built = False

    @workflow.run
    async def run(self) -> str:
        """Wait."""
        await workflow.wait_condition(lambda: self.built)
        return "built"

    @workflow.signal
    def internal_join(self, waiter: str) -> None:
        """Somebody waits."""

    @workflow.update
    def retry(self, asked: Asked) -> CommandAnswer:
        """The build ends."""
        self.built = True
        return CommandAnswer(message="beginning the build again")


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class StoryDeployment:
    """One reconcile, a second run, a retry, the end."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        self.ref, self.state = start.ref, start.state or DeploymentState()
        self.retried, self.finished = False, False

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Decide, apply, go on in a new run, and wait."""
        if start.state is None:
            await self.reconcile()
            workflow.continue_as_new(DeploymentInput(ref=self.ref, state=self.state))
        while not self.finished:
            with contextlib.suppress(asyncio.CancelledError):  # there is nothing to cancel here
                await workflow.wait_condition(lambda: self.finished)
        return "the deployment is gone"

    async def reconcile(self) -> None:
        """The steps."""
        ref, record = self.ref, self.state.journal.record
        for step in (validate, select_engine, evaluate_provider_rules):
            await workflow.execute_local_activity(step, ref, start_to_close_timeout=SHORT)
        record("EngineSelected", "vllm", at=workflow.now(), generation=4, by="deployment seen")
        record("Mystery", "only the journal knows", at=workflow.now(), generation=4)
        await workflow.execute_activity(build_image, ref, start_to_close_timeout=SHORT)
        rendered = RenderRequest(ref=ref, uid="u", generation=4, provider="kaito", engine="vllm")
        planned = PlannedWrite(action=WriteAction.CREATE, why="it is not there", **WORKSPACE)
        await workflow.execute_activity(
            apply_upstream,
            ApplyRequest(rendered_from=rendered, planned=[planned]),
            start_to_close_timeout=SHORT,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )
        reading = ReadinessRequest(ref=ref, uid="u", generation=4, provider="kaito", applied=[])
        for _ in range(3):
            await workflow.execute_local_activity(read_readiness, reading, start_to_close_timeout=SHORT)
        status = DeploymentStatus(phase=Phase.RUNNING, observed_generation=4)
        self.state.status = status
        record("PhaseChanged", "Deploying → Running", at=workflow.now(), generation=4, why="2/2 ready")
        await workflow.execute_activity(
            write_status, StatusRequest(ref=ref, uid="u", status=status), start_to_close_timeout=SHORT
        )

    @workflow.signal
    def internal_object_changed(self, hint: ChangeHint) -> None:
        """Something changed."""
        self.finished = hint.gone

    @workflow.signal(dynamic=True)
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """Anything else."""

    @workflow.update(name=RETRY)
    def retry(self, asked: Asked) -> CommandAnswer:
        """Say so."""
        self.state.journal.record("Retry", "again", at=workflow.now(), generation=4, by=asked.by)
        return CommandAnswer(message="trying generation 4 again")

    @workflow.query(name="journal")
    def journal(self) -> Journal:
        """What happened."""
        return self.state.journal
