"""A small world for workflow tests: one deployment, one provider, scripted answers, in Temporal's own time.

The activities are fakes (`deployment_fakes`); here is how a test drives the workflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from airunway.api.names import core_task_queue
from airunway.api.status import Phase
from airunway.messages.commands import Asked, CommandAnswer
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint, DeploymentInput, DeploymentView
from airunway.messages.journal import Journal
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from tests.workflows.deployment_fakes import DeploymentFakes

QUERY_TIMEOUT = timedelta(seconds=2)


@dataclass
class World(DeploymentFakes):
    """What the fakes see and did. Change it, `nudge` the workflow, look at what was written."""

    handle: WorkflowHandle[Any, Any] = field(init=False)

    async def start(self) -> None:
        """Have the deployment seen for the first time."""
        self.handle = await self.env.client.start_workflow(
            ModelDeploymentWorkflow.run,
            DeploymentInput(ref=self.ref),
            id=self.ref.workflow_id,
            task_queue=core_task_queue("here"),
            start_signal=OBJECT_CHANGED,
            start_signal_args=[self.hint("deployment seen")],
            memo={"told": "the start"},
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
        await self.start()  # as the watcher does: signal with start

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

    async def gateway_changed(self, cause: str = "HTTPRoute changed") -> None:
        hint = ChangeHint(cause=cause, upstream_only=True, gateway=True)
        await self.handle.signal(OBJECT_CHANGED, hint)

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
            try:
                view = await self.handle.query(ModelDeploymentWorkflow.view, rpc_timeout=QUERY_TIMEOUT)
            except RPCError:
                continue  # it went to a run that has ended meanwhile
            if view.waiting and (await self.handle.describe()).history_length == before:
                return view

    async def skip(self, time: timedelta) -> None:
        await self.env.sleep(time)

    @property
    def status(self) -> dict[str, Any]:
        return self.statuses[-1]

    def condition(self, kind: str) -> dict[str, Any]:
        return next(entry for entry in self.status["conditions"] if entry["type"] == kind)
