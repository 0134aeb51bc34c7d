"""Temporal's development server and an emulated cluster, and settings that lead a command to both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND, DEPLOYMENT_WORKFLOW, core_task_queue
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.messages.deployment_workflow import DeploymentInput
from airunway.messages.refs import DeploymentRef
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.temporal.converter import data_converter
from tests.cli.fake_deployment import FakeDeployment
from tests.clusters import emulated_cluster

CLUSTER = "here"
ALL_ATTRIBUTES = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
PATIENCE_SECONDS = 90.0


@dataclass
class Place:
    """Where commands of a test go."""

    client: Client
    cluster: Cluster
    kubeconfig: Path

    def worker(self) -> Worker:
        """Of the fake workflow."""
        return Worker(self.client, task_queue=core_task_queue(CLUSTER), workflows=[FakeDeployment])

    async def deployment(self, name: str) -> Object:
        """A ModelDeployment in the cluster."""
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": name},
            "spec": {"model": {"id": "acme/tiny"}},
        }
        return await self.cluster.create(DEPLOYMENTS, body, namespace="default")

    async def workflow(self, name: str, *, cluster: str = CLUSTER) -> str:
        """A running workflow for a deployment of this name; its id."""
        ref = DeploymentRef(cluster=cluster, namespace="default", name=name)
        await self.client.start_workflow(
            DEPLOYMENT_WORKFLOW,
            DeploymentInput(ref=ref),
            id=ref.workflow_id,
            task_queue=core_task_queue(CLUSTER),
        )
        return ref.workflow_id


@asynccontextmanager
async def place(folder: Path, *, search_attributes: bool = True) -> AsyncIterator[Place]:
    """Both servers. `search_attributes`: whether the namespace has ours."""
    attributes = ALL_ATTRIBUTES if search_attributes else {}
    async with (
        TemporalServer(headless=True, search_attributes=attributes) as server,
        emulated_cluster(folder, own_crds=True) as cluster,
    ):
        client = await Client.connect(server.address, data_converter=data_converter(), identity="test@host")
        yield Place(client, cluster, folder / "kubeconfig")


async def until(query: str, client: Client, wanted: Callable[[int], bool]) -> None:
    """Wait until visibility, which is a little late, counts what is wanted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted((await client.count_workflows(query)).count):
            await asyncio.sleep(0.05)
