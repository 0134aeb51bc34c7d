"""A deployment that runs is published when the cluster has what it takes, by the whole control plane."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, NAMESPACES, PODS
from airunway.sandbox.gateway.definitions import GATEWAY_API
from tests.e2e.acme import ACME
from tests.e2e.system import System
from tests.gateway.site import GATEWAYS, POOLS, ROUTES, SERVICES

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


async def wait_for(system: System, kind: Any, name: str) -> None:
    """Until there is such an object; the system has no watch of the gateway's kinds of its own."""
    async with asyncio.timeout(60):
        while await system.cluster.find(kind, name, namespace=system.namespace) is None:
            await asyncio.sleep(0.1)


async def make_gateway(system: System) -> None:
    for definition in GATEWAY_API:
        await apply_crd(system.cluster, definition, field_manager="test")
    if await system.cluster.find(NAMESPACES, "edge") is None:
        await system.cluster.create(NAMESPACES, {"metadata": {"name": "edge"}})
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    body = {
        "apiVersion": GATEWAYS.api_version,
        "kind": "Gateway",
        "metadata": {"name": "gw", "namespace": "edge"},
        "spec": {"gatewayClassName": "pretend", "listeners": [listener]},
    }
    await system.cluster.create(GATEWAYS, body, namespace="edge")
    status = {"status": {"addresses": [{"value": "10.1.2.3"}]}}
    await system.cluster.patch(GATEWAYS, "gw", status, namespace="edge", subresource="status")


async def accept(system: System, name: str) -> None:
    """What a Gateway's controller says, and that the picker is ready, for either kind of cluster."""
    good = [{"type": kind, "status": "True"} for kind in ("Accepted", "ResolvedRefs")]
    parent = {"parentRef": {"name": "gw", "namespace": "edge"}, "conditions": good}
    await tell(system, ROUTES, name, {"parents": [parent]})
    picker = f"{name}-epp"
    async with asyncio.timeout(60):
        while system.condition(name, "GatewayReady").get("status") != "True":
            # Where a controller looks after Deployments it counts pods; elsewhere nobody else writes this.
            counts = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
            await tell(system, APPS_DEPLOYMENTS, picker, counts)
            for pod in (await system.cluster.listing(PODS, namespace=system.namespace)).items:
                if pod["metadata"]["name"].startswith(f"{picker}-"):
                    await tell(system, PODS, pod["metadata"]["name"], READY)
            await asyncio.sleep(0.2)


async def tell(system: System, kind: Any, name: str, status: dict[str, Any]) -> None:
    """Write the status of an object."""
    await system.cluster.patch(
        kind, name, {"status": status}, namespace=system.namespace, subresource="status"
    )


@pytest.mark.timeout(240)
async def test_from_no_gateway_to_one_routed_endpoint_and_back(system: System) -> None:
    pod = {
        "metadata": {"name": "chat-0", "labels": {ACME.pod_label: "chat", "app": "chat"}},
        "spec": {"containers": [{"name": "main", "image": "x"}]},
    }
    await system.cluster.create(PODS, pod, namespace=system.namespace)
    await tell(system, PODS, "chat-0", READY)
    service = {
        "metadata": {"name": "chat"},
        "spec": {"selector": {"app": "chat"}, "ports": [{"name": "http", "port": 80, "targetPort": 8000}]},
    }
    await system.cluster.create(SERVICES, service, namespace=system.namespace)
    await system.running("chat", gateway={"modelName": "chat"})
    assert "gateway" not in system.status("chat")

    await make_gateway(system)
    await wait_for(system, ROUTES, "chat")
    await accept(system, "chat")
    await system.until(
        lambda: (
            (system.status("chat").get("gateway") or {}).get("modelName") == "chat"
            and system.condition("chat", "GatewayReady")["status"] == "True"
        ),
        "chat is published",
    )
    assert system.status("chat")["gateway"]["endpoint"] == "10.1.2.3"

    await system.edit("chat", {"spec": {"gateway": {"enabled": False}}})
    await system.until(
        lambda: system.condition("chat", "GatewayReady")["reason"] == "GatewayDisabled", "it is switched off"
    )
    assert await system.cluster.find(ROUTES, "chat", namespace=system.namespace) is None
    assert await system.cluster.find(POOLS, "chat", namespace=system.namespace) is None
