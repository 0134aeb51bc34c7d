"""What the rest of the real tier rests on: servers that answer, survive a crash, and leave no orphans."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]


def test_the_server_says_which_version_it_is(real_cluster: Cluster) -> None:
    _, version = real_cluster.request("GET", "/version")

    # Unstamped it would be v0.0.0, which clients that check refuse.
    assert version["major"] == "1"
    assert version["gitVersion"].startswith(f"v1.{version['minor']}.")


async def test_a_killed_temporal_server_keeps_its_workflows(real_temporal: TemporalServer) -> None:
    temporal = await Client.connect(real_temporal.address)
    handle = await temporal.start_workflow("Unheard", id=f"kept-{uuid.uuid4()}", task_queue="nobody-listens")

    await asyncio.to_thread(real_temporal.kill)
    # From a thread that ends: the server must not end with it.
    await asyncio.to_thread(real_temporal.start)

    found = await temporal.get_workflow_handle(handle.id).describe()
    assert found.status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_workflows_are_found_by_a_search_attribute(real_temporal: TemporalServer) -> None:
    await asyncio.to_thread(real_temporal.create_search_attribute, "ServersTestColour", "Keyword")
    temporal = await Client.connect(real_temporal.address)
    colour = SearchAttributePair(SearchAttributeKey.for_keyword("ServersTestColour"), "red")

    handle = await temporal.start_workflow(
        "Unheard",
        id=f"red-{uuid.uuid4()}",
        task_queue="nobody-listens",
        search_attributes=TypedSearchAttributes([colour]),
    )

    query = f'ServersTestColour = "red" and WorkflowId = "{handle.id}"'
    async with asyncio.timeout(90):
        # Visibility is written a moment after the start, and nothing tells when.
        while (await temporal.count_workflows(query)).count != 1:
            await asyncio.sleep(0.1)
    await handle.terminate()
