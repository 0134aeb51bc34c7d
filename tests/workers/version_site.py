"""Two builds of a small workflow on Temporal's development server, to try how runs move between them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from airunway.api.names import DEPLOYMENT_WORKFLOW
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.promotion import Abandonment
from airunway.workers.replay_check import ReplayCheck
from airunway.workers.temporal.converter import data_converter
from airunway.workers.version_moves import VersionMoves
from airunway.workers.version_rescue import Rescue
from airunway.workers.version_routing import UNVERSIONED, Polls, read_routing, set_current
from airunway.workers.worker_version import WorkerVersion
from airunway.workflows.run_length import continue_as_new, should_continue_as_new

PATIENCE_SECONDS = 180.0
"""The server tells its own parts of a change of versions by workflows, which a busy machine delays."""
NEVER = 10_000


class Life(BaseModel):
    """Input: how often the life continued as new, and what it has seen."""

    runs: int = 1
    seen: int = 0


class _Story:
    extra_step = False

    def __init__(self) -> None:
        self.life, self.hints = Life(), 0

    async def tell(self, life: Life) -> None:
        self.life = life.model_copy()
        if self.extra_step:
            await workflow.sleep(timedelta(milliseconds=1))
        await workflow.execute_local_activity("look", start_to_close_timeout=timedelta(seconds=5))
        while True:
            await workflow.wait_condition(lambda: self.hints > 0)
            self.life.seen, self.hints = self.life.seen + self.hints, 0
            if should_continue_as_new(NEVER):
                continue_as_new(Life(runs=self.life.runs + 1, seen=self.life.seen))
            await workflow.execute_local_activity("look", start_to_close_timeout=timedelta(seconds=5))


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class OldDeployment(_Story):
    """A build of the workflow."""

    @workflow.signal(name=OBJECT_CHANGED)
    def object_changed(self, hint: ChangeHint) -> None:
        self.hints += 1

    @workflow.query
    def life_now(self) -> Life:
        return self.life

    @workflow.run
    async def run(self, life: Life) -> None:
        await self.tell(life)


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class NewDeployment(_Story):
    """Another one, whose steps come in another order."""

    extra_step = True

    @workflow.signal(name=OBJECT_CHANGED)
    def object_changed(self, hint: ChangeHint) -> None:
        self.hints += 1

    @workflow.query
    def life_now(self) -> Life:
        return self.life

    @workflow.run
    async def run(self, life: Life) -> None:
        await self.tell(life)


@asynccontextmanager
async def version_site() -> AsyncIterator[Site]:
    """A site on a server of its own."""
    async with TemporalServer(headless=True) as server:
        client = await Client.connect(server.address, data_converter=data_converter())
        yield Site(client, server.address)


class Site:
    """A worker deployment of the test's own, on a Temporal server that others use as well."""

    def __init__(self, client: Client, address: str) -> None:
        self.client, self.address = client, address
        self.cluster = f"c{uuid.uuid4().hex[:8]}"
        self.task_queue = f"airunway.{self.cluster}"
        self.deployment = f"airunway-{self.cluster}"
        self.serving: set[str] = set()
        """Builds with a worker that polls now."""
        self.skipped = timedelta()
        """Time that has not passed, but is to have."""

    @property
    def now(self) -> datetime:
        """The time that decides when a build counts as abandoned, and a change of routing as known."""
        return datetime.now(UTC) + self.skipped

    def version(self, build_id: str) -> WorkerVersion:
        return WorkerVersion(self.deployment, build_id, versioned=True)

    @asynccontextmanager
    async def unversioned_worker(self, kind: type = OldDeployment) -> AsyncIterator[None]:
        """A worker without versions."""
        config = self.version("off").label
        async with self._worker(kind, config):
            self.serving.add(UNVERSIONED)
            yield
            self.serving.discard(UNVERSIONED)

    @asynccontextmanager
    async def worker(self, build_id: str, kind: type = OldDeployment) -> AsyncIterator[None]:
        """A worker of a build, known to Temporal when the body begins."""
        async with self._worker(kind, self.version(build_id).config):
            await self.until(lambda: self._is_known(build_id))
            self.serving.add(build_id)
            yield
            self.serving.discard(build_id)

    def _worker(self, kind: type, config: WorkerDeploymentConfig) -> Worker:
        return Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[kind],
            activities=[_look],
            workflow_runner=UnsandboxedWorkflowRunner(),
            deployment_config=config,
        )

    async def _is_known(self, build_id: str) -> bool:
        routing = await read_routing(self.client, self.deployment)
        return routing is not None and routing.build(build_id) is not None

    async def make_current(self, build_id: str) -> None:
        """Route runs to a build, and wait until the one before it is known to drain."""
        await set_current(self.client, self.deployment, build_id)

        async def is_so() -> bool:
            routing = await read_routing(self.client, self.deployment)
            assert routing is not None
            others = [build.status for build in routing.builds if build.build_id != build_id]
            return routing.is_settled(self.now) and routing.current == build_id and "current" not in others

        await self.until(is_so)

    async def start(self, name: str) -> WorkflowHandle[Any, Any]:
        """A deployment that has come to rest."""
        workflow_id = f"modeldeployment/{self.cluster}/ml/{name}"
        await self.client.start_workflow(
            DEPLOYMENT_WORKFLOW, Life(), id=workflow_id, task_queue=self.task_queue
        )
        handle = self.client.get_workflow_handle(workflow_id)
        await self.life(handle)
        return handle

    async def listed(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Wait until visibility knows that a run is open, and of which build."""
        await self.until(lambda: self._is_listed(handle))

    async def unlisted(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Wait until visibility knows that a run has ended."""

        async def gone() -> bool:
            return not await self._is_listed(handle)

        await self.until(gone)

    async def _is_listed(self, handle: WorkflowHandle[Any, Any]) -> bool:
        query = f"WorkflowId = '{handle.id}' AND TemporalWorkerDeployment = '{self.deployment}'"
        return (await self.client.count_workflows(f"{query} AND ExecutionStatus = 'Running'")).count > 0

    async def life(self, handle: WorkflowHandle[Any, Any]) -> Life:
        return await handle.query("life_now", result_type=Life)

    async def build_of(self, handle: WorkflowHandle[Any, Any]) -> str:
        info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
        return info.deployment_version.build_id

    async def has_override(self, handle: WorkflowHandle[Any, Any]) -> bool:
        info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
        return info.HasField("versioning_override")

    def moves(
        self, build_id: str, workflows: Sequence[type] = (OldDeployment,), *, at_a_look: int = 100
    ) -> VersionMoves:
        """What a watcher of a build does."""

        async def no_pause() -> None:
            pass

        async def polls() -> Polls:
            return dict.fromkeys(self.serving, self.now)

        check = ReplayCheck(self.client.data_converter, workflows)
        return VersionMoves(
            self.client,
            self.version(build_id),
            polls=polls,
            abandonment=Abandonment(timedelta(seconds=90), now=lambda: self.now),
            rescue=Rescue(self.client, self.version(build_id), check, now=lambda: self.now),
            pause=no_pause,
            at_a_look=at_a_look,
            now=lambda: self.now,
        )

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await holds():
                await asyncio.sleep(0.1)


@activity.defn(name="look")
async def _look() -> None:
    """A step."""
