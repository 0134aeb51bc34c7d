"""The states of deployments' workflows (`workflow_state`), read of Temporal.

Lists come from Temporal's visibility: one query for all that are open, and one more for those that lack an
open one. Visibility is a second behind. Only the view of one deployment describes its workflow
(`workflow_detail`): that needs the SDK's client, which takes longer to load than a list to be printed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Protocol

from temporalio.api.common.v1.message_pb2 import WorkflowExecution
from temporalio.api.enums.v1.workflow_pb2 import WorkflowExecutionStatus
from temporalio.api.workflow.v1.message_pb2 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1.request_response_pb2 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.service import WorkflowService

from airunway.console.workflow_state import PAGE, WorkflowState, described

_STATUS = "WORKFLOW_EXECUTION_STATUS_"


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


async def latest_run(asked: VisibleNamespace, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    """The latest run of a workflow, described. Raises RPCError.

    Not by the SDK's client: that knows no run which somebody paused in Temporal, and raises ValueError.
    """
    request = DescribeWorkflowExecutionRequest(
        namespace=asked.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return await asked.workflow_service.describe_workflow_execution(request, retry=True)


def state_of(info: WorkflowExecutionInfo) -> WorkflowState:
    """A run as Temporal describes it."""
    status = info.status or WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    stamp = info.most_recent_worker_version_stamp
    deployed = info.versioning_info.deployment_version
    return described(
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        status=WorkflowExecutionStatus.Name(status).removeprefix(_STATUS).lower(),
        started_at=info.start_time.ToDatetime(UTC),
        closed_at=info.close_time.ToDatetime(UTC) if info.HasField("close_time") else None,
        attributes={name: value.data for name, value in info.search_attributes.indexed_fields.items()},
        build_id=deployed.build_id or stamp.build_id,
    )
