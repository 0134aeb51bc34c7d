"""A small world for tests of ProviderInstallationWorkflow: a cluster as two numbers, scripted answers.

The fakes have the names and types of the real activities; what the real ones do is tested beside them.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from airunway.activities.installation.requests import InstallationRequests
from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.api.names import INSTALLER_QUEUE, core_task_queue, installation_workflow_id, task_queue_beside
from airunway.messages.deployment_workflow import INSTALL_REPORT
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
    ChartAnswer,
    ChartRequest,
    InstallationRequest,
    InstallReport,
    JoinRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
    ReadyAnswer,
    StepRecord,
)
from airunway.messages.installation_workflow import (
    REQUEST_INSTALLATION,
    InstallationInput,
    InstallationOutcome,
    InstallationView,
)
from airunway.messages.refs import DeploymentRef
from airunway.messages.step import Step
from airunway.workers.tuning import give_tasks_time
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow
from tests.workflows.waiting import Changing, first

INSTALL = [PREFLIGHT.name, APPLY_CRDS.name, INSTALL_CHART.name, AWAIT_OPERATOR.name]
UNINSTALL = [PREFLIGHT.name, UNINSTALL_CHART.name, FINISH_UNINSTALL.name]
"""Steps of an operation, in their order."""


@workflow.defn(name="Waiter")
class Waiter:
    """Stands for a deployment that waits for a provider."""

    def __init__(self) -> None:
        self.reports: list[InstallReport] = []
        self.done = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.done)

    @workflow.signal(name=INSTALL_REPORT)
    def on_install_report(self, report: InstallReport) -> None:
        self.reports.append(report)

    @workflow.signal
    def leave(self) -> None:
        self.done = True

    @workflow.query
    def seen(self) -> list[InstallReport]:
        return self.reports


@dataclass
class InstallerWorld(Changing):
    """What the fakes see and did."""

    env: WorkflowEnvironment
    provider: str = field(default_factory=lambda: f"acme-{uuid.uuid4().hex[:6]}")
    revision: int = 0
    """Of the one release; 0: there is none."""
    wanted: int = 1
    """Revision that is as wanted; at or above it nothing is done."""
    ready: bool = True
    externally_managed: bool = False

    errors: dict[str, list[Exception]] = field(default_factory=dict)
    """Raised before an activity does anything."""
    lost_answers: dict[str, int] = field(default_factory=dict)
    """How often an activity does its work and then its answer is lost."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """Held closed, the activity waits there, and can be cancelled."""

    deaf: set[str] = field(default_factory=set)
    """Activities that come to their end although they are cancelled."""
    calls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    running: int = 0
    max_running: int = 0
    handle: WorkflowHandle[Any, Any] = field(init=False)

    # -- activities ----------------------------------------------------------------------------------

    @activity.defn(name=PREFLIGHT.name)
    async def preflight(self, request: PreflightRequest) -> PreflightAnswer:
        await self._enter(PREFLIGHT.name)
        action = ChartAction.NONE
        if request.request.operation is Operation.UNINSTALL:
            action = ChartAction.UNINSTALL if self.revision else ChartAction.NONE
        elif request.request.operation is Operation.REPAIR:
            action = ChartAction.REPAIR
        elif self.externally_managed:
            action = ChartAction.EXTERNALLY_MANAGED
        elif self.revision < self.wanted:
            action = ChartAction.UPGRADE if self.revision else ChartAction.INSTALL
        chart = ChartRelease(
            release="op", namespace="ns", chart="r/op", version="1.0.0", action=action, revision=self.revision
        )
        installed = self.externally_managed or (self.revision > 0 and self.ready)
        return self._leave(
            PREFLIGHT.name, PreflightAnswer(charts=[chart], installed=installed, message="looked")
        )

    @activity.defn(name=APPLY_CRDS.name)
    async def apply_crds(self, request: ChartRequest) -> ChartAnswer:
        await self._enter(APPLY_CRDS.name)
        return self._leave(APPLY_CRDS.name, ChartAnswer(steps=[StepRecord(step="apply-crd-x")]))

    @activity.defn(name=INSTALL_CHART.name)
    async def install_chart(self, request: ChartRequest) -> ChartAnswer:
        await self._enter(INSTALL_CHART.name)
        changed = self.revision < self.wanted
        if changed:
            self.revision += 1
        answer = ChartAnswer(
            steps=[StepRecord(step="install-op")],
            chart=request.chart.recorded(version="1.0.0", status="deployed", revision=self.revision),
            changed=changed,
            lines=["helm said so"],
        )
        return self._leave(INSTALL_CHART.name, answer)

    @activity.defn(name=UNINSTALL_CHART.name)
    async def uninstall_chart(self, request: ChartRequest) -> ChartAnswer:
        await self._enter(UNINSTALL_CHART.name)
        changed, self.revision = self.revision > 0, 0
        return self._leave(UNINSTALL_CHART.name, ChartAnswer(changed=changed))

    @activity.defn(name=REPAIR_RELEASE.name)
    async def repair_release(self, request: ChartRequest) -> ChartAnswer:
        await self._enter(REPAIR_RELEASE.name)
        return self._leave(REPAIR_RELEASE.name, ChartAnswer(steps=[StepRecord(step="repair-op")]))

    @activity.defn(name=AWAIT_OPERATOR.name)
    async def await_operator(self, request: InstallationRequest) -> ReadyAnswer:
        await self._enter(AWAIT_OPERATOR.name)
        return self._leave(AWAIT_OPERATOR.name, ReadyAnswer(state="Installed", installed=True, message="up"))

    @activity.defn(name=FINISH_UNINSTALL.name)
    async def finish_uninstall(self, request: InstallationRequest) -> ChartAnswer:
        await self._enter(FINISH_UNINSTALL.name)
        return self._leave(FINISH_UNINSTALL.name, ChartAnswer())

    async def _enter(self, name: str) -> None:
        self.calls.append(name)
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        self._changed.set()
        try:
            waiting = self.errors.get(name)
            if waiting:
                raise waiting.pop(0)
            if name in self.gates:
                while not self.gates[name].is_set():
                    activity.heartbeat(1, [f"{name} waits"])
                    await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            if name not in self.deaf:
                raise
        finally:
            self.running -= 1

    def _leave(self, name: str, answer: Any) -> Any:
        if self.lost_answers.get(name):
            self.lost_answers[name] -= 1
            raise ApplicationError("the worker was lost before it could answer")
        self._changed.set()
        return answer

    # -- driving ------------------------------------------------------------------------------------------

    async def ask(self, operation: Operation = Operation.INSTALL, **more: Any) -> str:
        """Ask as the command line does; answers the request's id."""
        request = InstallationRequest(
            provider=self.provider, operation=operation, id=uuid.uuid4().hex[:8], **more
        )
        self.handle = await self.env.client.start_workflow(
            ProviderInstallationWorkflow.run,
            InstallationInput(provider=self.provider),
            id=installation_workflow_id("here", self.provider),
            task_queue=core_task_queue("here"),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REQUEST_INSTALLATION,
            start_signal_args=[request],
        )
        return request.id

    async def held_at(
        self, step: str | Step[Any, Any], operation: Operation = Operation.INSTALL
    ) -> tuple[str, asyncio.Event]:
        """Ask, and wait until a step has begun, which then waits for the event; answers the request's id."""
        name = step if isinstance(step, str) else step.name
        self.gates[name] = asyncio.Event()
        request = await self.ask(operation)
        await self.until(lambda: name in self.calls)
        return request, self.gates[name]

    async def waiter(self) -> WorkflowHandle[Any, Any]:
        return await self.env.client.start_workflow(
            Waiter.run,
            id=DeploymentRef(
                cluster="here", namespace="default", name=f"waiter-{uuid.uuid4().hex[:8]}"
            ).workflow_id,
            task_queue=core_task_queue("here"),
        )

    async def join(self, waiter: WorkflowHandle[Any, Any], *, again: bool = False) -> None:
        """As a deployment does, by the real activity's own way."""
        ref = DeploymentRef(cluster="here", namespace="default", name=waiter.id.rpartition("/")[2])
        request = JoinRequest(ref=ref, provider=self.provider, again=again)
        await InstallationRequests(self.env.client, cluster_name="here").request_installation(request)
        self.handle = self.env.client.get_workflow_handle(installation_workflow_id("here", self.provider))

    async def reports(self, waiter: WorkflowHandle[Any, Any], count: int = 1) -> list[bool]:
        """Whether each report said success, once there are so many."""

        async def find() -> list[bool] | None:
            seen: list[InstallReport] = await waiter.query(Waiter.seen)
            return [report.succeeded for report in seen] if len(seen) >= count else None

        return await first(find)

    async def view(self) -> InstallationView:
        return await self.handle.query(ProviderInstallationWorkflow.state)

    async def outcome(self, request: str) -> InstallationOutcome:
        async def find() -> InstallationOutcome | None:
            return (await self.view()).outcomes.get(request)

        return await first(find)

    async def skip(self, time: timedelta) -> None:
        await self.env.sleep(time)

    def activities(self) -> list[Any]:
        return [
            self.preflight,
            self.apply_crds,
            self.install_chart,
            self.uninstall_chart,
            self.repair_release,
            self.await_operator,
            self.finish_uninstall,
        ]


def core_worker(world: InstallerWorld) -> Worker:
    worker = Worker(
        world.env.client,
        task_queue=core_task_queue("here"),
        workflows=[ProviderInstallationWorkflow, ProviderPlanWorkflow, Waiter],
    )
    return give_tasks_time(worker)


def installer_worker(world: InstallerWorld) -> Worker:
    return Worker(
        world.env.client,
        task_queue=task_queue_beside(core_task_queue("here"), INSTALLER_QUEUE),
        activities=world.activities(),
        max_heartbeat_throttle_interval=timedelta(milliseconds=20),
        default_heartbeat_throttle_interval=timedelta(milliseconds=20),
    )


def final(kind: str = "MissingRights", words: str = "no right") -> ApplicationError:
    return ApplicationError(words, type=kind, non_retryable=True)


def passing(words: str = "away for a moment") -> ApplicationError:
    return ApplicationError(words, type="Unreachable")
