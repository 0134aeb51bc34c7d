"""The few messages of Temporal that the quick way of a list writes and reads are those of the SDK."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse

from airunway.cli.quick.messages import list_request, listed
from airunway.console.workflow_state import PAGE
from airunway.console.workflow_states import state_of

TIMES = st.integers(0, 4_000_000_000)


@given(
    statuses=st.lists(st.sampled_from(WorkflowExecutionStatus.values()), max_size=4),
    started=TIMES,
    closed=st.none() | TIMES,
    nanos=st.integers(0, 999_999_999),
    attributes=st.dictionaries(st.text(), st.sampled_from(["", '"x"', '["a", "b"]', '["ü"]', "3"])),
    build_id=st.text(),
    token=st.binary(),
)
def test_runs_are_read_as_the_sdk_reads_them(
    statuses: list[Any],
    started: int,
    closed: int | None,
    nanos: int,
    attributes: dict[str, str],
    build_id: str,
    token: bytes,
) -> None:
    answer = ListWorkflowExecutionsResponse(next_page_token=token)
    for number, value in enumerate(statuses):
        info = WorkflowExecutionInfo(status=value, history_length=1 << 40, task_queue="q")
        info.execution.workflow_id, info.execution.run_id = f"w/ü/{number}", "r" * 200
        info.start_time.seconds, info.start_time.nanos = started, nanos
        if closed is not None:
            info.close_time.seconds = closed
        for name, text in attributes.items():
            indexed = Payload(metadata={"encoding": b"json/plain"}, data=text.encode())
            info.search_attributes.indexed_fields[name].CopyFrom(indexed)
        if number % 2:
            info.versioning_info.deployment_version.build_id = build_id
        else:
            info.most_recent_worker_version_stamp.build_id = build_id
        answer.executions.append(info)

    states, next_page = listed(answer.SerializeToString())

    assert states == [state_of(info) for info in answer.executions]
    assert next_page == token


@given(namespace=st.text(), query=st.text(max_size=500), token=st.binary(max_size=300))
def test_the_request_is_the_sdks(namespace: str, query: str, token: bytes) -> None:
    found = ListWorkflowExecutionsRequest.FromString(list_request(namespace, query, token))

    assert found == ListWorkflowExecutionsRequest(
        namespace=namespace, query=query, next_page_token=token, page_size=PAGE
    )


@given(data=st.binary())
def test_what_is_no_message_is_an_error_and_no_list(data: bytes) -> None:
    try:
        listed(data)
    except Exception as err:
        assert isinstance(err, (ValueError, LookupError, TypeError, AttributeError, OverflowError))
