"""Moves a run whose build nobody serves any more (its pods were killed, or their time to drain ran out).

If the current build replays its history, the run just goes on there. If not, it is reset to its first
workflow task: the new run begins with what the one before handed over, is given its signals again, and finds
out the rest from the cluster, as every new run does.

Either way an override routes it, and is taken off again when the first task was done: only then is the run
pinned to the current build, like every other.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import PostResetOperation, VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.workers.replay_check import ReplayCheck, first_completed_task
from airunway.workers.version_routing import Routing
from airunway.workers.worker_version import WorkerVersion

_log = structlog.get_logger(__name__)

REASON = "no worker serves the build that this run was pinned to"
ARRIVES_WITHIN = timedelta(minutes=1)
"""A run that should go on as it is, and does not get to the current build, begins again after this."""
_MASK = FieldMask(paths=["versioning_override"])
# The older field is what servers before 1.31 list in visibility.
_TO_CURRENT = WorkflowExecutionOptions(
    versioning_override=VersioningOverride(
        behavior=VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE, auto_upgrade=True
    )
)


class Rescue:
    """Moves runs by force, and finishes what it began, also after a restart in between."""

    def __init__(
        self,
        client: Client,
        version: WorkerVersion,
        check: ReplayCheck,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`version` and `check` are those of this process."""
        self._client, self._version, self._check, self._now = client, version, check, now
        self._tried: dict[str, datetime] = {}
        """Runs that were to go on as they are, and when that was tried."""
        self._overridden: set[str] | None = None
        """Workflows with an override to take off; None: to be looked up, a watcher may have left some."""

    async def move(self, workflow_id: str, run_id: str, routing: Routing, *, wake: bool) -> bool:
        """Have a run go on, on the current build; false: it has ended, or is on its way.

        `wake`: it is a deployment, which waits for a hint. Raises RPCError.
        """
        tried = self._tried.get(run_id)
        if tried is not None and self._now() - tried < ARRIVES_WITHIN:
            return False
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        (await self._with_override()).add(workflow_id)
        try:
            history = await handle.fetch_history()
            difference = "it did not arrive" if tried else await self._difference(history, routing)
            first = first_completed_task(history)
            if difference is None or first is None:
                await self._override(handle, _TO_CURRENT)
                self._tried[run_id] = self._now()
                if wake:
                    await handle.signal(OBJECT_CHANGED, ChangeHint(cause=REASON))
            else:
                self._tried.pop(run_id, None)
                await self._reset(handle, first)
        except RPCError as err:
            if err.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        _log.info("run moved: " + REASON, workflow=workflow_id, to=routing.current, begun_again=difference)
        return True

    async def _difference(self, history: WorkflowHistory, routing: Routing) -> str | None:
        # What this process runs says nothing of another build; a reset is right for every one.
        if self._version.build_id != routing.current:
            return "not replayed, because the watcher is of another build"
        return await self._check.difference(history)

    async def finish(self, routing: Routing) -> None:
        """Take the override off workflows that have arrived. Raises RPCError."""
        overridden = await self._with_override()
        for workflow_id in list(overridden):
            handle = self._client.get_workflow_handle(workflow_id)  # of its latest run
            described = await handle.describe()
            info = described.raw_description.workflow_execution_info.versioning_info
            if described.status is not WorkflowExecutionStatus.RUNNING:
                overridden.discard(workflow_id)
                self._tried.pop(described.run_id, None)
            elif info.deployment_version.build_id == routing.current:
                await self._override(handle, WorkflowExecutionOptions())
                overridden.discard(workflow_id)
                self._tried.pop(described.run_id, None)

    async def _with_override(self) -> set[str]:
        if self._overridden is None:
            query = (
                f"TemporalWorkerDeployment = '{self._version.deployment}'"
                " AND TemporalWorkflowVersioningBehavior = 'AutoUpgrade' AND ExecutionStatus = 'Running'"
            )
            self._overridden = {run.id async for run in self._client.list_workflows(query)}
        return self._overridden

    async def _override(self, handle: WorkflowHandle[Any, Any], options: WorkflowExecutionOptions) -> None:
        await self._client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
                workflow_execution_options=options,
                update_mask=_MASK,
            )
        )

    async def _reset(self, handle: WorkflowHandle[Any, Any], first_completed: int) -> None:
        routed = PostResetOperation.UpdateWorkflowOptions(
            workflow_execution_options=_TO_CURRENT, update_mask=_MASK
        )
        await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
                reason=REASON,
                workflow_task_finish_event_id=first_completed,
                request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, handle.run_id or handle.id)),
                post_reset_operations=[PostResetOperation(update_workflow_options=routed)],
                identity=self._client.identity,
            )
        )
