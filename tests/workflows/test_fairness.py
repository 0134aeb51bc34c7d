"""One namespace's many builds do not hold up another's: the server that `airunway up` starts takes turns."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from airunway.sandbox.temporal import TemporalServer

with workflow.unsafe.imports_passed_through():
    from airunway.workflows.steps import fair_between

QUEUE, OF_A = "builds", 20
COUNT_BACKLOG = timedelta(seconds=0.1)


@workflow.defn
class Build:
    """Stands for one that waits for a slot."""

    @workflow.run
    async def run(self, namespace: str) -> None:
        await workflow.execute_activity(
            "build", namespace, task_queue=QUEUE, start_to_close_timeout=timedelta(seconds=30)
        )


async def test_namespaces_take_turns() -> None:
    built: list[str] = []

    @activity.defn
    async def build(namespace: str) -> None:
        built.append(namespace)

    async with TemporalServer(headless=True) as server:
        client = await Client.connect(server.address)
        async with Worker(client, task_queue="core", workflows=[Build]):
            handles = [
                await client.start_workflow(
                    Build.run,
                    namespace,
                    id=f"{namespace}-{number}",
                    task_queue="core",
                    priority=fair_between(namespace),
                )
                for number, namespace in enumerate([*["a"] * OF_A, "b"])
            ]
            for handle in handles:
                while not (await handle.describe()).raw_description.pending_activities:
                    await asyncio.sleep(COUNT_BACKLOG.total_seconds())
            async with Worker(client, task_queue=QUEUE, activities=[build], max_concurrent_activities=1):
                await asyncio.gather(*(handle.result() for handle in handles))

    assert built.index("b") < OF_A / 2
