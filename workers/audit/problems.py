"""Whether a workflow can progress, from what Temporal says of it. Pure.

The server sets the search attribute `TemporalReportedProblems` after several failed workflow tasks in a row
(five, unless its dynamic configuration says otherwise) and takes it away with the first that succeeds. A
server without it still tells how often the pending task was tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingWorkflowTaskState, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from airunway.workers.audit.visibility import REPORTED_PROBLEMS, reported_problems

MIN_ATTEMPTS = 3
"""Of one workflow task: a worker that was killed costs one, its successor's cold start perhaps another."""
MAX_WAIT_FOR_WORKER = timedelta(minutes=1)
NO_WORKER = "no worker takes its tasks: does one of this cluster run, and of the version it is pinned to?"
FAILS = "its workflow task fails again and again"

_CAUSE = "cause=WorkflowTaskFailedCause"
_TIMED_OUT = "category=WorkflowTaskTimedOut"


def workflow_problem(described: DescribeWorkflowExecutionResponse, *, now: datetime) -> str:
    """Why an open workflow cannot progress, in words that stay the same meanwhile; empty: it can.

    `described`: the SDK's `WorkflowExecutionDescription` has it as `raw_description`.
    """
    info = described.workflow_execution_info
    if info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        return ""
    if reported := reported_problems(info):
        return words_of(reported)
    if not described.HasField("pending_workflow_task"):
        return ""
    task = described.pending_workflow_task
    if task.attempt >= MIN_ATTEMPTS:
        return FAILS
    waits = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    since = task.scheduled_time.ToDatetime(tzinfo=UTC)
    return NO_WORKER if waits and now - since > MAX_WAIT_FOR_WORKER else ""


def words_of(reported: Sequence[str]) -> str:
    """The server's report in words; empty for none."""
    if not reported:
        return ""
    causes = [entry.removeprefix(_CAUSE) for entry in reported if entry.startswith(_CAUSE)]
    if causes:
        return f"{FAILS} ({', '.join(causes)})"
    return f"{FAILS} (it takes too long)" if _TIMED_OUT in reported else f"{FAILS} ({', '.join(reported)})"


def is_same(problem: str, before: str) -> bool:
    """Whether it was reported already: the server's report only adds the cause."""
    return problem == before or (problem.startswith(FAILS) and before.startswith(FAILS))


def what_to_do(problem: str, workflow_id: str) -> str:
    """The message of the Event: what is wrong, where, and what to do."""
    return (
        f"workflow {workflow_id} cannot progress: {problem}. The worker's log has the error. Run workers of "
        "the version that began it, or terminate it: it is started again from what the cluster says. What "
        f"runs goes on running. Temporal shows it by {REPORTED_PROBLEMS}"
    )
