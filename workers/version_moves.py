"""Moves open runs to the current build: idle ones by a hint, those that nobody serves any more by force.

A pinned run that is idle gets no workflow task, and so does not learn that the current build changed. A hint
wakes it; its own worker, which is draining, then lets it continue as new on the current build. Where that
worker is gone, `version_rescue` moves the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import DEPLOYMENT_WORKFLOW, core_task_queue
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.workers.promotion import Abandonment
from airunway.workers.replay_check import ReplayCheck
from airunway.workers.settings import Settings
from airunway.workers.version_rescue import Rescue
from airunway.workers.version_routing import UNVERSIONED, Polls, Routing, last_polls, read_routing
from airunway.workers.worker_version import WorkerVersion, this_build

_log = structlog.get_logger(__name__)

CAUSE = "worker version changed"
LOOK_SECONDS = 10.0
MAX_AT_A_LOOK = 100
"""Runs that are moved before it is looked again who polls: with thousands, much changes meanwhile."""
HINT_AGAIN = timedelta(minutes=2)
"""A run that is busy moves later, by itself; a hint that was lost is made up for."""


_NOBODY_ANSWERS = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}


@dataclass(frozen=True)
class StaleRun:
    """An open run that is pinned to a build which runs no longer begin on."""

    workflow_type: str
    workflow_id: str
    run_id: str
    build_id: str

    @property
    def is_deployment(self) -> bool:
        """The others are not idle for long: they end, or continue as new between two operations."""
        return self.workflow_type == DEPLOYMENT_WORKFLOW


async def stale_runs(client: Client, deployment: str, routing: Routing) -> AsyncIterator[StaleRun]:
    """Open runs that are pinned to another build than the current and the ramping one. Raises RPCError."""
    query = f"TemporalWorkerDeployment = '{deployment}' AND ExecutionStatus = 'Running'"
    for build_id in filter(None, (routing.current, routing.ramping)):
        query += f" AND TemporalWorkerDeploymentVersion != '{deployment}:{build_id}'"
    async for found in client.list_workflows(query):
        yield StaleRun(found.workflow_type, found.id, found.run_id, _build_of(found, deployment))


def _build_of(found: WorkflowExecution, deployment: str) -> str:
    for pair in found.typed_search_attributes:
        if pair.key.name == "TemporalWorkerDeploymentVersion":
            return str(pair.value).removeprefix(f"{deployment}:")
    return UNVERSIONED


async def hint(client: Client, run: StaleRun) -> bool:
    """Wake an idle deployment, that it may continue as new; false: it has ended. Raises RPCError."""
    try:
        handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        await handle.signal(OBJECT_CHANGED, ChangeHint(cause=CAUSE))
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


class VersionMoves:
    """Looks for stale runs while an older build drains; one call every few seconds otherwise."""

    def __init__(
        self,
        client: Client,
        version: WorkerVersion,
        *,
        polls: Callable[[], Awaitable[Polls]],
        abandonment: Abandonment,
        rescue: Rescue,
        pause: Callable[[], Awaitable[None]],
        at_a_look: int = MAX_AT_A_LOOK,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`polls`: who polled when. `pause` is awaited after each run that was moved or woken."""
        self._client, self._deployment, self._polls = client, version.deployment, polls
        self._abandonment, self._rescue = abandonment, rescue
        self._pause, self._at_a_look, self._now = pause, at_a_look, now
        self._hinted: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                if await self.look() == self._at_a_look:
                    continue
            except RPCError as err:
                _log.debug("worker versions not looked at", error=err.message)
            except Exception:  # the watcher's other work must not end with a fault of this one
                _log.exception("runs of older builds not moved; trying again")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Move what can be moved now; answers how many runs were woken or moved. Raises RPCError."""
        routing = await read_routing(self._client, self._deployment)
        if routing is None or not routing.is_settled(self._now()):
            return 0
        await self._rescue.finish(routing)
        if not any(build.status == "draining" for build in routing.builds):
            self._hinted.clear()
            return 0
        polls = await self._polls()
        # The current build's workers must be there, or a run would only be moved from one wait to another.
        can_arrive = self._abandonment.is_served(routing.current, polls)
        drains, is_gone = self._abandonment.is_served, self._abandonment.is_abandoned
        moved = 0
        async for run in stale_runs(self._client, self._deployment, routing):
            if drains(run.build_id, polls):
                done = await self._move(run, self._hint_if_due)
            elif is_gone(run.build_id, polls) and can_arrive:
                done = await self._move(run, partial(self._by_force, routing))
            else:
                done = False  # who served it may be back in a moment
            if done:
                moved += 1
                await self._pause()
            if moved == self._at_a_look:
                break
        if moved:
            to = routing.current or "workers without versions"
            _log.info("open runs of an older build are moved", runs=moved, to=to)
        return moved

    async def _move(self, run: StaleRun, how: Callable[[StaleRun], Awaitable[bool]]) -> bool:
        """Whether there was something to do; one run that cannot be moved does not keep the others."""
        try:
            return await how(run)
        except RPCError as err:
            if err.status in _NOBODY_ANSWERS:
                raise
            _log.warning("run not moved to the current build", workflow=run.workflow_id, error=err.message)
            return False

    async def _by_force(self, routing: Routing, run: StaleRun) -> bool:
        return await self._rescue.move(run.workflow_id, run.run_id, routing, wake=run.is_deployment)

    async def _hint_if_due(self, run: StaleRun) -> bool:
        if not run.is_deployment:
            return False
        hinted = self._hinted.get(run.run_id)
        if hinted is not None and self._now() - hinted < HINT_AGAIN:
            return False
        self._hinted[run.run_id] = self._now()
        return await hint(self._client, run)


def version_moves(client: Client, settings: Settings) -> VersionMoves:
    """For the cluster that the settings name."""
    version = this_build(settings)

    async def pause() -> None:
        await asyncio.sleep(1 / settings.moves_per_second)

    return VersionMoves(
        client,
        version,
        polls=lambda: last_polls(client, version.deployment, core_task_queue(settings.cluster)),
        abandonment=Abandonment(settings.worker_abandoned_after),
        rescue=Rescue(client, version, ReplayCheck(client.data_converter)),
        pause=pause,
    )
