"""Temporal's database is lost: an empty one goes on with the fleet, and only histories are gone."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api import names
from tests.e2e.system import System


async def empty_namespace(address: str) -> str:
    """A Temporal without any history: a namespace of its own, once it can be used."""
    name = f"empty-{uuid.uuid4().hex[:8]}"
    client = await Client.connect(address)
    keep = Duration()
    keep.FromTimedelta(timedelta(days=3))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=keep)
    )
    inside = await Client.connect(address, namespace=name)
    while True:
        try:
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
            await inside.count_workflows()
        except RPCError:  # servers read their list of namespaces now and then
            await asyncio.sleep(0.2)
        else:
            return name


@pytest.mark.timeout(300)
async def test_an_empty_temporal_goes_on_with_what_runs(system: System) -> None:
    await system.running("chat")
    await system.running("deleted")
    before = system.server("chat")["metadata"]
    created = system.deployment("chat")["metadata"]["uid"]
    address = system.settings.temporal_address
    assert address is not None
    namespace = await empty_namespace(address)
    await system.stop("watcher")
    await system.stop("worker")
    seen = len(system.states)

    await system.delete("deleted")
    system.settings = system.settings.model_copy(update={"temporal_namespace": namespace})
    system.start_worker()
    system.start_watcher()
    await system.until(lambda: not system.deployment("deleted"), "deleted")
    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "two replicas")

    phases = {
        (state.get("status") or {}).get("phase")
        for state in system.states[seen:]
        if state["metadata"]["name"] == "chat" and state["spec"].get("scaling", {}).get("replicas") != 2
    }
    assert phases <= {"Running"}, "it served all the time"
    assert system.deployment("chat")["metadata"]["uid"] == created
    assert system.server("chat")["metadata"]["uid"] == before["uid"]
    assert system.server("chat")["metadata"]["generation"] == before["generation"] + 1, "one change: ours"
    client = await Client.connect(address, namespace=namespace)
    workflow_id = names.deployment_workflow_id("test", system.namespace, "chat")
    assert (await client.get_workflow_handle(workflow_id).describe()).id == workflow_id
