"""Temporal: reachable, ours to use, able to find deployments, and keeping histories for long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import core_task_queue
from airunway.cli.doctor.findings import DoctorFinding, fail, ok, warn
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.status_fleet import missing_search_attributes
from airunway.workers.temporal.search_attributes import creation_command
from airunway.workers.temporal.target import target_of
from airunway.workers.version_routing import time_of
from airunway.workers.worker_version import OLDEST_SERVER, is_too_old_for_versions

SHORTEST_RETENTION = timedelta(days=3)
"""Below it a weekend is enough for the history of what went wrong to be gone."""
DENIED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
POLLS_WITHIN = timedelta(minutes=3)
NOBODY = "airunway-doctor/there-is-no-such-workflow"


async def reachable(place: DoctorPlace) -> list[DoctorFinding]:
    """Somebody answers, and serves the namespace."""
    target = target_of(place.settings)
    client = await place.temporal_or_why()
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            advice = f"make it: temporal operator namespace create --namespace {client.namespace}"
            return [fail("temporal", f"{target.address} has no namespace {client.namespace}", advice)]
        if err.status not in DENIED:
            raise
    version = f"Temporal {info.server_version}" if info.server_version else "Temporal"
    where = f"{version} at {target.address}, namespace {client.namespace}"
    if is_too_old_for_versions(info.server_version):
        wanted = ".".join(map(str, OLDEST_SERVER))
        advice = f"upgrade it to {wanted} or newer before the next upgrade of this system"
        return [
            warn("temporal", f"{where}: too old to keep open workflows on the build they began with", advice)
        ]
    return [ok("temporal", where)]


async def rights(place: DoctorPlace) -> list[DoctorFinding]:
    """Whether this identity may look for workflows and send to them. Nothing is changed by asking."""
    client = await place.temporal()
    denied = [words for words, may in (("list", _may_list), ("signal", _may_signal)) if not await may(client)]
    if denied:
        return [
            fail(
                "temporal rights",
                f"this identity may not {' or '.join(denied)} workflows of namespace {client.namespace}",
                "give it the role Write of the namespace, or another API key or certificate",
            )
        ]
    return [ok("temporal rights", "workflows can be listed and written to")]


async def _may_list(client: Client) -> bool:
    request = CountWorkflowExecutionsRequest(namespace=client.namespace, query="ExecutionStatus = 'Running'")
    try:
        await client.workflow_service.count_workflow_executions(request)
    except RPCError as err:
        if err.status in DENIED:
            return False
        raise
    return True


async def _may_signal(client: Client) -> bool:
    """By a signal to nobody: who may not send is told that first."""
    request = SignalWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=NOBODY),
        signal_name="object_changed",
    )
    try:
        await client.workflow_service.signal_workflow_execution(request)
    except RPCError as err:
        if err.status in DENIED:
            return False
        if err.status is not RPCStatusCode.NOT_FOUND:
            raise
    return True


async def search_attributes(place: DoctorPlace) -> list[DoctorFinding]:
    """Whether deployments can be found by phase, provider and so on."""
    client = await place.temporal()
    missing = await missing_search_attributes(client)
    if missing:
        words = f"missing: {', '.join(missing)}; deployments are not found by them"
        return [warn("search attributes", words, f"add them: {creation_command(client.namespace, missing)}")]
    return [ok("search attributes", "all there")]


async def retention(place: DoctorPlace) -> list[DoctorFinding]:
    """How long closed runs are kept."""
    client = await place.temporal()
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        answer = await client.workflow_service.describe_namespace(request)
    except RPCError as err:
        if err.status in DENIED:
            words = "not checked: this identity may not describe the namespace"
            return [warn("retention", words, "ask as somebody who may: see that it is three days or more")]
        raise
    kept = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    days = kept / timedelta(days=1)
    how_long = f"{days:g} day{'' if days == 1 else 's'}"
    if kept < SHORTEST_RETENTION:
        command = f"temporal operator namespace update --namespace {client.namespace} --retention 30d"
        words = f"closed runs are kept for {how_long}; `airunway history` forgets what is older"
        return [warn("retention", words, f"keep them longer: {command}")]
    return [ok("retention", f"closed runs are kept for {how_long}")]


async def workers(place: DoctorPlace) -> list[DoctorFinding]:
    """Whether somebody takes the tasks of this cluster's workflows."""
    client, queue = await place.temporal(), core_task_queue(await place.cluster_name())
    if await has_pollers(client, queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW):
        return [ok("worker", f"polls {queue}")]
    advice = "start `airunway worker`; look at the log of Deployment airunway-worker"
    return [fail("worker", f"nobody polls {queue}, so no deployment goes on", advice)]


async def has_pollers(client: Client, queue: str, kind: TaskQueueType.ValueType) -> bool:
    """Whether somebody asks for tasks: who has none asks once a minute, who has stopped is listed longer.

    Raises RPCError.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request)
    since = datetime.now(UTC) - POLLS_WITHIN
    return any(time_of(poller.last_access_time) >= since for poller in answer.pollers)
