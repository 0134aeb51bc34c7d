"""Which deployments have an open workflow, as Temporal's visibility lists it. Eventually consistent.

Read below the SDK's own listing, which decodes more of each entry than is needed for ten thousand of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.converter import default as default_converter
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import DEPLOYMENT_WORKFLOW, deployment_workflow_prefix
from airunway.messages.refs import DeploymentRef
from airunway.messages.search_attributes import PHASE

OPEN = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
)
PAGE = 1000
REPORTED_PROBLEMS = "TemporalReportedProblems"
"""Search attribute that the server itself sets on a run whose workflow tasks fail again and again."""
MAX_DESCRIBED = 50
"""Workflows that are asked about one by one in one round: a bound for Temporal, not for what is found."""
UNAVAILABLE_HERE = frozenset(
    {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.INVALID_ARGUMENT}
)
"""Of a listing: it will not work a minute later either."""


@dataclass(frozen=True, slots=True)
class OpenWorkflow:
    """The open run of a workflow. `problems`: as the server reports them; empty: it progresses.

    `phase`: the search attribute; empty where the namespace does not have it.
    """

    started: datetime
    problems: tuple[str, ...] = ()
    phase: str = ""


async def open_workflows(client: Client, cluster: str) -> Mapping[str, OpenWorkflow] | None:
    """The open workflows of a cluster's deployments by workflow id; None: this may not or cannot be listed.

    Raises RPCError when Temporal does not answer now.
    """
    prefix = deployment_workflow_prefix(cluster)
    running = f"WorkflowType = '{DEPLOYMENT_WORKFLOW}' AND ExecutionStatus = 'Running'"
    # A server whose visibility knows no prefixes lists all clusters; the others' are left out here.
    for query in (f"{running} AND WorkflowId STARTS_WITH '{prefix}'", running):
        try:
            return await _listed(client, query, prefix)
        except RPCError as err:
            if err.status not in UNAVAILABLE_HERE:
                raise
    return None


async def _listed(client: Client, query: str, prefix: str) -> Mapping[str, OpenWorkflow]:
    found: dict[str, OpenWorkflow] = {}
    token = b""
    while True:
        page = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=client.namespace, page_size=PAGE, query=query, next_page_token=token
            )
        )
        for info in page.executions:
            if info.execution.workflow_id.startswith(prefix):
                found[info.execution.workflow_id] = _open_workflow(info)
        token = page.next_page_token
        if not token:
            return found


def reported_problems(info: WorkflowExecutionInfo) -> tuple[str, ...]:
    """What the server reports of a run, such as `cause=WorkflowTaskFailedCauseNonDeterministicError`."""
    fields = info.search_attributes.indexed_fields
    if REPORTED_PROBLEMS not in fields:
        return ()
    # Search attributes are JSON, whatever converter the payloads of the client have.
    value = default_converter().payload_converter.from_payload(fields[REPORTED_PROBLEMS])
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),) if value else ()


def _open_workflow(info: WorkflowExecutionInfo) -> OpenWorkflow:
    return OpenWorkflow(
        started=info.start_time.ToDatetime(tzinfo=UTC),
        problems=reported_problems(info),
        phase=_phase(info),
    )


def _phase(info: WorkflowExecutionInfo) -> str:
    """Read as it is on the wire, a JSON string: the converter takes a second for ten thousand."""
    fields = info.search_attributes.indexed_fields
    return intern(fields[PHASE.name].data.decode().strip('"')) if PHASE.name in fields else ""


async def described_workflows(
    client: Client, refs: Iterable[DeploymentRef]
) -> dict[DeploymentRef, DescribeWorkflowExecutionResponse | None]:
    """What Temporal says of each now, without lag; None where there is no run. Raises RPCError."""
    return {ref: await _described(client, ref) for ref in refs}


async def _described(client: Client, ref: DeploymentRef) -> DescribeWorkflowExecutionResponse | None:
    # Not by the SDK's handle: it knows no status that is newer than itself, such as paused, and raises.
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=ref.workflow_id)
    )
    try:
        return await client.workflow_service.describe_workflow_execution(request)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def is_open(described: DescribeWorkflowExecutionResponse | None) -> bool:
    """Whether there is a run that has not ended; one that somebody paused has not."""
    return described is not None and described.workflow_execution_info.status in OPEN
