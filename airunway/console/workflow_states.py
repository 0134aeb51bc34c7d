"""How deployments' workflows themselves are: open, closed by hand, missing, or unable to progress.

Lists come from Temporal's visibility: one query for all that are open, and one more for those that lack an
open one. Visibility is a second behind. Only the view of one deployment describes its workflow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from temporalio.api.common.v1 import WorkflowExecution as ExecutionRef
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHistoryEventFilterType,
)
from temporalio.service import RPCError

from airunway.console.links import literal
from airunway.console.rows import age
from airunway.console.temporal_errors import is_missing

REPORTED_PROBLEMS = "TemporalReportedProblems"
"""Search attribute that Temporal sets when workflow tasks fail again and again."""
_CAUSE = "cause=WorkflowTaskFailedCause"
OPEN = "running"
IDS_PER_QUERY = 50
RECENT_EVENTS = 20
"""Of a history's end, among which the last failure of a workflow task is looked for."""


@dataclass(frozen=True, kw_only=True)
class WorkflowState:
    """One run of a deployment's workflow, as Temporal sees it from outside."""

    workflow_id: str
    run_id: str
    status: str
    """`running`, `completed`, `terminated`, `canceled`, `failed`, `timed_out`, `continued_as_new`."""
    started_at: datetime
    closed_at: datetime | None = None
    problems: tuple[str, ...] = ()
    """As Temporal reports them, e.g. `category=WorkflowTaskFailed`."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Search attributes that hold one text."""
    build_id: str = ""
    """Of the worker that answered last; empty: not known."""
    closed_by: str = ""
    closed_because: str = ""
    failed_attempts: int = 0
    """Of the present workflow task; known of a single deployment only."""
    last_error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self.status == OPEN

    @property
    def is_stuck(self) -> bool:
        """Whether its workflow tasks fail, so that nothing goes on."""
        return self.is_open and (bool(self.problems) or self.failed_attempts > 1)


def trouble(state: WorkflowState | None, *, now: datetime) -> str:
    """What is the matter with a workflow, in a phrase; empty: nothing. None: there is no workflow."""
    if state is None:
        return "none; a running watcher starts one within a minute"
    if state.is_stuck:
        attempts = f" (attempt {state.failed_attempts})" if state.failed_attempts > 1 else ""
        return f"cannot progress{attempts}: {state.last_error or _problem_words(state.problems)}"
    if state.is_open:
        return ""
    when = f" {age(state.closed_at, now=now)} ago" if state.closed_at else ""
    who = f" by {state.closed_by}" if state.closed_by else ""
    why = f" ({state.closed_because})" if state.closed_because else ""
    return f"{state.status.replace('_', ' ')}{when}{who}{why}"


def _problem_words(problems: Sequence[str]) -> str:
    """What Temporal reports, without the words that are in all of it."""
    causes = [entry.removeprefix(_CAUSE) for entry in problems if entry.startswith(_CAUSE)]
    return ", ".join(causes or problems)


async def open_states(client: Client, query: str) -> AsyncIterator[WorkflowState]:
    """Those that a visibility query finds, page by page."""
    async for execution in client.list_workflows(query):
        yield _state_of(execution)


async def last_closed(client: Client, workflow_ids: Sequence[str]) -> dict[str, WorkflowState]:
    """How the last run of each workflow ended, by id; those without one are missing."""
    found: dict[str, WorkflowState] = {}
    for start in range(0, len(workflow_ids), IDS_PER_QUERY):
        ids = ", ".join(map(literal, workflow_ids[start : start + IDS_PER_QUERY]))
        query = (
            f"WorkflowId IN ({ids}) AND ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'"
        )
        async for state in open_states(client, query):
            known = found.get(state.workflow_id)
            if known is None or known.started_at < state.started_at:
                found[state.workflow_id] = state
    return found


async def state_in_detail(client: Client, workflow_id: str) -> WorkflowState | None:
    """One workflow with who closed it, and why it cannot progress. None: Temporal knows none."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        described = await handle.describe()
    except RPCError as err:
        if is_missing(err):
            return None
        raise
    state = _state_of(described)
    pending = described.raw_description.pending_workflow_task
    state = replace(state, failed_attempts=pending.attempt)
    if state.is_stuck:
        return replace(state, last_error=await _last_task_failure(client, state))
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


def _state_of(execution: WorkflowExecution) -> WorkflowState:
    status, info = execution.status or WorkflowExecutionStatus.RUNNING, execution.raw_info
    values = execution.search_attributes
    stamp = info.most_recent_worker_version_stamp
    deployed = info.versioning_info.deployment_version
    return WorkflowState(
        workflow_id=execution.id,
        run_id=execution.run_id,
        status=status.name.lower(),
        started_at=execution.start_time,
        closed_at=execution.close_time,
        problems=tuple(str(value) for value in values.get(REPORTED_PROBLEMS, ())),
        attributes={name: str(found[0]) for name, found in values.items() if len(found) == 1},
        build_id=deployed.build_id or stamp.build_id,
    )
