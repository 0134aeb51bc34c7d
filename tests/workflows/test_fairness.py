"""One namespace's many builds do not hold up another's: the server that `airunway up` starts takes turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.sandbox.temporal import TemporalServer

with workflow.unsafe.imports_passed_through():
    from airunway.workflows.steps import fair_between

QUEUE, OF_A, OF_B = "builds", 24, 12
ONE_PARTITION = {"matching.numTaskqueueReadPartitions": "1", "matching.numTaskqueueWritePartitions": "1"}
"""Each partition is fair by itself and they are read in no fixed order: with several, places are chance."""
LOOK_EVERY, STEADY_LOOKS = timedelta(seconds=0.1), 50


@workflow.defn
class Build:
    """Stands for one that waits for a slot."""

    @workflow.run
    async def run(self, namespace: str) -> None:
        await workflow.execute_activity(
            "build", namespace, task_queue=QUEUE, start_to_close_timeout=timedelta(seconds=30)
        )


@pytest.mark.timeout(300)  # a server of its own
async def test_namespaces_take_turns() -> None:
    built: list[str] = []

    @activity.defn
    async def build(namespace: str) -> None:
        built.append(namespace)

    async with TemporalServer(headless=True, settings=ONE_PARTITION) as server:
        client = await Client.connect(server.address)
        # Unsandboxed: the sandbox loads this module and all it imports anew for each of the workflows.
        unsandboxed = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue="core", workflows=[Build], workflow_runner=unsandboxed):
            handles = [
                await client.start_workflow(
                    Build.run,
                    namespace,
                    id=f"{namespace}-{number}",
                    task_queue="core",
                    priority=fair_between(namespace),
                )
                for number, namespace in enumerate([*["a"] * OF_A, *["b"] * OF_B])
            ]
            await all_wait_for_a_worker(client, handles)
            async with Worker(client, task_queue=QUEUE, activities=[build], max_concurrent_activities=1):
                await asyncio.gather(*(handle.result() for handle in handles))

    # In turns, b's mean place is about 12 of the 36; in the order of asking it is 29.5.
    assert mean_place(built, "b") < 16


async def all_wait_for_a_worker(client: Client, handles: Sequence[WorkflowHandle[Any, Any]]) -> None:
    """Until the queue holds every build: one that comes while others are taken has missed its turn.

    The count is an estimate that may stay below the truth, so one that does not rise any more will do.
    """
    for handle in handles:
        while not (await handle.describe()).raw_description.pending_activities:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        report_stats=True,
    )
    known, unchanged = 0, 0
    while known < len(handles) and unchanged < STEADY_LOOKS:
        count = (await client.workflow_service.describe_task_queue(asked)).stats.approximate_backlog_count
        unchanged = unchanged + 1 if count == known else 0
        known = count
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def mean_place(built: Sequence[str], namespace: str) -> float:
    return fmean(place for place, of in enumerate(built) if of == namespace)
