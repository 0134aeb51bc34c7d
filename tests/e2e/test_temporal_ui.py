"""What a person finds in the Temporal UI without reading payloads."""

from __future__ import annotations

import asyncio

from temporalio.client import Client, WorkflowExecutionDescription

from airunway.api.names import deployment_workflow_id
from airunway.workers.temporal.connection import connect
from tests.e2e.system import System


async def described(client: Client, system: System, name: str) -> WorkflowExecutionDescription:
    return await client.get_workflow_handle(
        deployment_workflow_id(system.settings.cluster, system.namespace, name)
    ).describe()


async def test_a_deployment_can_be_found_and_followed(system: System) -> None:
    client = await connect(system.settings)
    await system.running("chat")

    query = f"AirunwayNamespace='{system.namespace}' AND AirunwayPhase='Running' AND AirunwayProvider='acme'"
    async with asyncio.timeout(90):  # the index follows in its own time
        while not [found async for found in client.list_workflows(query)]:
            await asyncio.sleep(0.1)

    assert await (await described(client, system, "chat")).static_summary() == (
        f"ModelDeployment {system.namespace}/chat"
    )
