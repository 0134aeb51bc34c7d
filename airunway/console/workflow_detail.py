"""How the workflow of one deployment is: who closed it, or why it cannot progress."""

from __future__ import annotations

from dataclasses import replace

from temporalio.api.common.v1 import WorkflowExecution as ExecutionRef
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowHistoryEventFilterType
from temporalio.service import RPCError

from airunway.console.temporal_errors import is_missing
from airunway.console.workflow_state import PAUSED_BY_HAND, WorkflowState
from airunway.console.workflow_states import latest_run, state_of

RECENT_EVENTS = 20
"""Of a history's end, among which the last failure of a workflow task is looked for."""


async def state_in_detail(client: Client, workflow_id: str) -> WorkflowState | None:
    """One workflow with who closed it, and why it cannot progress. None: Temporal knows none."""
    try:
        found = await latest_run(client, workflow_id)
    except RPCError as err:
        if is_missing(err):
            return None
        raise
    state = state_of(found.workflow_execution_info)
    state = replace(state, failed_attempts=found.pending_workflow_task.attempt)
    if state.is_stuck:
        return replace(state, last_error=await _last_task_failure(client, state))
    if state.status == PAUSED_BY_HAND:
        paused = found.workflow_extended_info.pause_info
        return replace(state, closed_by=paused.identity, closed_because=paused.reason)
    if not state.is_open:
        this_run = client.get_workflow_handle(workflow_id, run_id=state.run_id)
        closing = this_run.fetch_history_events(event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT)
        async for event in closing:
            by, because = await _closing(client, event)
            state = replace(state, closed_by=by, closed_because=because)
    return state


async def _last_task_failure(client: Client, state: WorkflowState) -> str:
    """Only the first failure in a row is in a history; it is near the end."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=ExecutionRef(workflow_id=state.workflow_id, run_id=state.run_id),
        maximum_page_size=RECENT_EVENTS,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failure = event.workflow_task_failed_event_attributes.failure
            error = await client.data_converter.decode_failure(failure)
            return first_line(str(error)) or "a workflow task failed"
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            return "workflow tasks are not done in time"
    return ""


async def _closing(client: Client, event: HistoryEvent) -> tuple[str, str]:
    """Who closed a run, and why, as far as its last event says it."""
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        terminated = event.workflow_execution_terminated_event_attributes
        return terminated.identity, terminated.reason
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        failure = event.workflow_execution_failed_event_attributes.failure
        return "", first_line(str(await client.data_converter.decode_failure(failure)))
    return "", ""


def first_line(text: str) -> str:
    """The first line, for texts that may hold a traceback."""
    return text.strip().splitlines()[0] if text.strip() else ""
