"""How deployments' workflows themselves are: open, closed by hand, missing, or unable to progress.

Lists come from Temporal's visibility: one query for all that are open, and one more for those that lack an
open one. Visibility is a second behind. Only the view of one deployment describes its workflow
(`workflow_detail`): that needs the SDK's client, which takes longer to load than a list to be printed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from temporalio.api.common.v1.message_pb2 import WorkflowExecution
from temporalio.api.enums.v1.workflow_pb2 import WorkflowExecutionStatus
from temporalio.api.workflow.v1.message_pb2 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1.request_response_pb2 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.service import WorkflowService

from airunway.console.queries import literal
from airunway.console.rows import age

REPORTED_PROBLEMS = "TemporalReportedProblems"
"""Search attribute that Temporal sets when workflow tasks fail again and again."""
_CAUSE = "cause=WorkflowTaskFailedCause"
_STATUS = "WORKFLOW_EXECUTION_STATUS_"
OPEN, PAUSED_BY_HAND = "running", "paused"
IDS_PER_QUERY = 50
PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class WorkflowState:
    """One run of a deployment's workflow, as Temporal sees it from outside."""

    workflow_id: str
    run_id: str
    status: str
    """`running`, `paused` (by hand), `completed`, `terminated`, `canceled`, `failed`, `timed_out`,
    `continued_as_new`."""
    started_at: datetime
    closed_at: datetime | None = None
    problems: tuple[str, ...] = ()
    """As Temporal reports them, e.g. `category=WorkflowTaskFailed`."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Search attributes that hold one text."""
    build_id: str = ""
    """Of the worker that answered last; empty: not known."""
    closed_by: str = ""
    """Or paused by."""
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
    if state.status == PAUSED_BY_HAND:
        return f"paused in Temporal{who}{why}; nothing goes on until it is unpaused there"
    return f"{state.status.replace('_', ' ')}{when}{who}{why}"


def _problem_words(problems: Sequence[str]) -> str:
    """What Temporal reports, without the words that are in all of it."""
    causes = [entry.removeprefix(_CAUSE) for entry in problems if entry.startswith(_CAUSE)]
    return ", ".join(causes or problems)


class VisibleNamespace(Protocol):
    """A Temporal namespace that can be asked: the SDK's client, or a connection alone."""

    @property
    def namespace(self) -> str:
        """Its name."""
        ...

    @property
    def workflow_service(self) -> WorkflowService:
        """Whom to ask."""
        ...


async def open_states(asked: VisibleNamespace, query: str) -> AsyncIterator[WorkflowState]:
    """Those that a visibility query finds, page by page. Raises RPCError."""
    request = ListWorkflowExecutionsRequest(namespace=asked.namespace, query=query, page_size=PAGE)
    while True:
        page = await asked.workflow_service.list_workflow_executions(request, retry=True)
        for info in page.executions:
            yield state_of(info)
        if not page.next_page_token:
            return
        request.next_page_token = page.next_page_token


async def described(asked: VisibleNamespace, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    """The latest run of a workflow. Raises RPCError.

    Not by the SDK's client: that knows no run which somebody paused in Temporal, and raises ValueError.
    """
    request = DescribeWorkflowExecutionRequest(
        namespace=asked.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return await asked.workflow_service.describe_workflow_execution(request, retry=True)


async def last_closed(asked: VisibleNamespace, workflow_ids: Sequence[str]) -> dict[str, WorkflowState]:
    """How the last run of each workflow ended, by id; those without one are missing.

    Raises RPCError.
    """
    found: dict[str, WorkflowState] = {}
    for start in range(0, len(workflow_ids), IDS_PER_QUERY):
        ids = ", ".join(map(literal, workflow_ids[start : start + IDS_PER_QUERY]))
        query = (
            f"WorkflowId IN ({ids}) AND ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'"
        )
        async for state in open_states(asked, query):
            known = found.get(state.workflow_id)
            if known is None or known.started_at < state.started_at:
                found[state.workflow_id] = state
    return found


def state_of(info: WorkflowExecutionInfo) -> WorkflowState:
    """A run as Temporal describes it."""
    status = info.status or WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    values = {name: _values(payload.data) for name, payload in info.search_attributes.indexed_fields.items()}
    stamp = info.most_recent_worker_version_stamp
    deployed = info.versioning_info.deployment_version
    return WorkflowState(
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        status=WorkflowExecutionStatus.Name(status).removeprefix(_STATUS).lower(),
        started_at=info.start_time.ToDatetime(UTC),
        closed_at=info.close_time.ToDatetime(UTC) if info.HasField("close_time") else None,
        problems=tuple(str(value) for value in values.get(REPORTED_PROBLEMS, ())),
        attributes={name: str(found[0]) for name, found in values.items() if len(found) == 1},
        build_id=deployed.build_id or stamp.build_id,
    )


def _values(data: bytes) -> list[Any]:
    """Of a search attribute: JSON, one value or several."""
    value = json.loads(data) if data else []
    return value if isinstance(value, list) else [value]
