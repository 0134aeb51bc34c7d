"""How many tasks wait in the task queues of a cluster, as Temporal estimates it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api.names import (
    IMAGES_QUEUE,
    INSTALLER_QUEUE,
    core_task_queue,
    provider_task_queue,
    task_queue_beside,
)
from airunway.workers.audit.visibility import UNAVAILABLE_HERE

MAX_PROVIDERS = 20
"""Whose queues are asked about, two times a minute."""
_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


def queues_of(cluster: str, providers: Iterable[str]) -> list[tuple[str, str]]:
    """The queues of a cluster, each with the kind of its tasks."""
    core = core_task_queue(cluster)
    beside = [task_queue_beside(core, name) for name in (IMAGES_QUEUE, INSTALLER_QUEUE)]
    beside += [provider_task_queue(cluster, name) for name in sorted(providers)[:MAX_PROVIDERS]]
    return [(core, "workflow"), (core, "activity"), *((queue, "activity") for queue in beside)]


async def task_backlog(client: Client, queues: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Tasks that wait, by queue and kind; without those that this namespace does not tell.

    Raises RPCError when Temporal does not answer now.
    """
    found: dict[tuple[str, str], int] = {}
    for name, kind in queues:
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=_KINDS[kind],
            report_stats=True,
        )
        try:
            answer = await client.workflow_service.describe_task_queue(request)
        except RPCError as err:
            if err.status not in UNAVAILABLE_HERE:
                raise
            continue
        if answer.HasField("stats"):
            found[name, kind] = answer.stats.approximate_backlog_count
    return found
