"""A deployment that runs is published when the cluster has what it takes, by the whole control plane."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, NAMESPACES, PODS
from airunway.sandbox.gateway.definitions import GATEWAY_API
from tests.e2e.acme import ACME
from tests.e2e.system import System
from tests.gateway.site import GATEWAYS, POOLS, ROUTES, SERVICES


async def wait_for(system: System, kind: Any, name: str) -> None:
    """Until there is such an object; the system has no watch of the gateway's kinds of its own."""
    import asyncio

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
    good = [{"type": kind, "status": "True"} for kind in ("Accepted", "ResolvedRefs")]
    parent = {"parentRef": {"name": "gw", "namespace": "edge"}, "conditions": good}
    patches: list[tuple[Any, str, Any]] = [
        (APPS_DEPLOYMENTS, f"{name}-epp", {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}),
        (ROUTES, name, {"parents": [parent]}),
    ]
    for kind, one, status in patches:
        await system.cluster.patch(
            kind, one, {"status": status}, namespace=system.namespace, subresource="status"
        )


@pytest.mark.timeout(240)
async def test_from_no_gateway_to_one_routed_endpoint_and_back(system: System) -> None:
    pod = {
        "metadata": {"name": "chat-0", "labels": {ACME.pod_label: "chat", "app": "chat"}},
        "spec": {"containers": [{"name": "main", "image": "x"}]},
    }
    await system.cluster.create(PODS, pod, namespace=system.namespace)
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    await system.cluster.patch(PODS, "chat-0", ready, namespace=system.namespace, subresource="status")
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
