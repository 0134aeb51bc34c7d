"""What a real API server refuses for another object's sake is tried again when that changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from airunway.clients.kubernetes import Resource
from tests.e2e.acme import SERVER
from tests.e2e.system import System
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

QUOTAS = Resource("v1", "resourcequotas")
COUNTED = f"count/{SERVER.plural}.{SERVER.group}"


@pytest_asyncio.fixture
async def system(real_cluster: Cluster, real_temporal: TemporalServer) -> AsyncIterator[System]:
    async with System(real_cluster.kubeconfig, real_temporal.address) as running:
        yield running


async def a_quota(system: System) -> Callable[[], Awaitable[object]]:
    """None of our objects fits in; it is said what is used, as the quota controller does."""
    hard = {COUNTED: "0"}
    body = {"metadata": {"name": "no-servers"}, "spec": {"hard": hard}}
    await system.cluster.create(QUOTAS, body, namespace=system.namespace)
    status = {"status": {"hard": hard, "used": {COUNTED: "0"}}}
    await system.cluster.patch(QUOTAS, "no-servers", status, namespace=system.namespace, subresource="status")
    return lambda: system.cluster.delete(QUOTAS, "no-servers", namespace=system.namespace)


async def a_foreign_object(system: System) -> Callable[[], Awaitable[object]]:
    body = {"metadata": {"name": "chat"}, "spec": {"model": "mine"}}
    typed = {"apiVersion": SERVER.api_version, "kind": SERVER.kind, **body}
    await system.cluster.create(SERVER, typed, namespace=system.namespace)
    return lambda: system.cluster.delete(SERVER, "chat", namespace=system.namespace)


@pytest.mark.parametrize(
    ("hinder", "reason", "named"),
    [
        pytest.param(a_quota, "CreateFailed", "no-servers", id="a quota"),
        pytest.param(a_foreign_object, "ResourceConflict", "chat exists", id="an object of somebody else"),
    ],
)
async def test_it_names_what_is_in_the_way_and_goes_on_without_it(
    system: System,
    hinder: Callable[[System], Awaitable[Callable[[], Awaitable[object]]]],
    reason: str,
    named: str,
) -> None:
    take_away = await hinder(system)
    await system.deploy("chat")
    status = await system.until_phase("chat", "Failed")
    assert system.condition("chat", "ResourceCreated")["reason"] == reason
    assert named in status["message"]
    assert status["message"].endswith("it is looked at again by itself")

    await take_away()

    await system.until(
        lambda: system.server("chat").get("spec", {}).get("model") == "org/model", "our object"
    )
    await system.serve("chat")
    await system.until_phase("chat", "Running")
