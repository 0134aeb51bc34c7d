"""A worker whose code cannot go on with a deployment's history: it is reported, until the right one runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.api.names import DEPLOYMENT_WORKFLOW, core_task_queue
from airunway.clients.kubernetes import EVENTS, Object
from airunway.workers.worker_version import decide_version
from tests.e2e.system import System
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class Broken:
    """Fails every workflow task, as other code does that meets a history it did not write."""

    @workflow.run
    async def run(self) -> None:
        raise ValueError("not my history")


@pytest_asyncio.fixture
async def system(real_cluster: Cluster, real_temporal: TemporalServer) -> AsyncIterator[System]:
    built = System(real_cluster.kubeconfig, real_temporal.address)
    built.settings = built.settings.model_copy(update={"presence": timedelta(seconds=2)})
    async with built as running:
        yield running


async def until_stuck_is_reported(system: System, name: str) -> Object:
    async with asyncio.timeout(200):
        while True:
            for event in (await system.cluster.listing(EVENTS, namespace=system.namespace)).items:
                if event["reason"] == "WorkflowStuck" and event["involvedObject"]["name"] == name:
                    return event
            await asyncio.sleep(0.5)


async def test_a_workflow_that_cannot_progress_is_reported_and_goes_on_with_the_right_worker(
    system: System, real_temporal: TemporalServer
) -> None:
    await system.running("chat")
    await system.stop("worker")
    client = await Client.connect(real_temporal.address)
    broken = Worker(
        client,
        task_queue=core_task_queue("test"),
        deployment_config=(await decide_version(client, system.settings)).config,
        workflows=[Broken],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )

    async with broken:
        await system.edit("chat", {"spec": {"scaling": {"replicas": 3}}})
        event = await until_stuck_is_reported(system, "chat")

    assert event["type"] == "Warning"
    assert f"modeldeployment/test/{system.namespace}/chat cannot progress" in event["message"]
    system.start_worker()
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 3, "three replicas")
