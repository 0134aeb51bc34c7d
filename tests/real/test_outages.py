"""The servers under the control plane are killed and come back; deployments go on where they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.system import System
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest_asyncio.fixture
async def system(real_cluster: Cluster, real_temporal: TemporalServer) -> AsyncIterator[System]:
    async with System(real_cluster.kubeconfig, real_temporal.address) as running:
        yield running


async def test_an_api_server_that_was_killed_is_waited_for(system: System, real_cluster: Cluster) -> None:
    await system.running("before")
    version = system.server("before")["metadata"]["resourceVersion"]

    await asyncio.to_thread(real_cluster.api_server.kill)
    await asyncio.to_thread(real_cluster.api_server.start)

    await system.running("after")
    await system.edit("before", {"spec": {"scaling": {"replicas": 2}}})
    await system.until(lambda: system.server("before")["spec"]["replicas"] == 2, "two replicas")
    assert system.server("before")["metadata"]["resourceVersion"] != version


async def test_a_temporal_server_that_was_killed_is_waited_for(
    system: System, real_temporal: TemporalServer
) -> None:
    await system.running("before")

    await asyncio.to_thread(real_temporal.kill)
    await system.deploy("during")
    await system.edit("before", {"spec": {"scaling": {"replicas": 3}}})
    await asyncio.to_thread(real_temporal.start)

    await system.serve("during")
    await system.until_phase("during", "Running")
    await system.until(lambda: system.server("before")["spec"]["replicas"] == 3, "three replicas")
    await system.until_events("during", {"DeploymentReady"})
    # Once, be it in an Event of its own or in the one that tells that it runs.
    messages = await system.event_messages("during")
    assert len([message for message in messages if "Server during" in message]) == 1, messages
