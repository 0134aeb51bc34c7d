"""When a workflow counts as unable to progress, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import PendingWorkflowTaskState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingWorkflowTaskInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.converter import default as default_converter

from airunway.workers.audit.problems import FAILS, NO_WORKER, is_same, what_to_do, words_of, workflow_problem

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SCHEDULED = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
STARTED = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
NON_DETERMINISTIC = ["category=WorkflowTaskFailed", "cause=WorkflowTaskFailedCauseNonDeterministicError"]


def described(
    *, status: str = "RUNNING", task: PendingWorkflowTaskInfo | None = None, reported: Any = None
) -> DescribeWorkflowExecutionResponse:
    info = WorkflowExecutionInfo(
        status=WorkflowExecutionStatus.Value(f"WORKFLOW_EXECUTION_STATUS_{status}"),
    )
    if reported is not None:
        payload = default_converter().payload_converter.to_payload(reported)
        fields = {"TemporalReportedProblems": payload}
        info.search_attributes.CopyFrom(SearchAttributes(indexed_fields=fields))
    raw = DescribeWorkflowExecutionResponse(workflow_execution_info=info)
    if task is not None:
        raw.pending_workflow_task.CopyFrom(task)
    return raw


def pending(*, attempt: int = 1, state: PendingWorkflowTaskState.ValueType = STARTED, ago: int = 0) -> Any:
    task = PendingWorkflowTaskInfo(attempt=attempt, state=state)
    task.scheduled_time.FromDatetime(NOW - timedelta(seconds=ago))
    return task


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param({}, "", id="idle"),
        pytest.param({"task": pending(attempt=2)}, "", id="one failed task: a worker was killed"),
        pytest.param({"task": pending(attempt=3)}, FAILS, id="it fails again and again"),
        pytest.param({"task": pending(state=SCHEDULED, ago=10)}, "", id="a worker will take it"),
        pytest.param({"task": pending(state=SCHEDULED, ago=90)}, NO_WORKER, id="nobody takes it"),
        pytest.param({"task": pending(state=STARTED, ago=90)}, "", id="a worker is at it"),
        pytest.param(
            {"reported": NON_DETERMINISTIC}, f"{FAILS} (NonDeterministicError)", id="reported by the server"
        ),
        pytest.param({"reported": []}, "", id="the report was taken back"),
        pytest.param({"status": "PAUSED", "task": pending(state=SCHEDULED, ago=90)}, "", id="paused"),
        pytest.param({"status": "COMPLETED", "task": pending(attempt=9)}, "", id="it is not open"),
    ],
)
def test_problems(given: dict[str, Any], problem: str) -> None:
    assert workflow_problem(described(**given), now=NOW) == problem


def test_a_report_in_words() -> None:
    assert words_of([]) == ""
    assert words_of(["category=WorkflowTaskTimedOut"]) == f"{FAILS} (it takes too long)"
    assert words_of(["something=Else"]) == f"{FAILS} (something=Else)"


def test_the_cause_is_no_other_problem() -> None:
    assert is_same(words_of(NON_DETERMINISTIC), FAILS)
    assert not is_same(FAILS, "")
    assert not is_same(FAILS, NO_WORKER)


def test_the_event_says_where_and_what_to_do_within_its_limit() -> None:
    text = what_to_do(words_of(NON_DETERMINISTIC), "modeldeployment/here/ml/chat")

    assert "modeldeployment/here/ml/chat cannot progress" in text
    assert "Run workers of the version that began it" in text
    assert len(text) < 1024
