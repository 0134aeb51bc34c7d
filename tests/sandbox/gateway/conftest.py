"""A cluster with the pretend gateway, and somebody who calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from airunway.clients.kubernetes import PODS, Cluster, Object
from airunway.sandbox.gateway import PretendGateway
from airunway.sandbox.gateway.state import GATEWAYS, GRANTS, POOLS, ROUTES, SERVICES
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of

KINDS = {"Gateway": GATEWAYS, "HTTPRoute": ROUTES, "InferencePool": POOLS, "ReferenceGrant": GRANTS}
GATEWAY = {"name": "inference-gateway", "namespace": "default"}


class Caller:
    """Publishes by hand, and calls what was published."""

    def __init__(self, gateway: PretendGateway, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self.gateway, self.stage, self._session = gateway, Stage(cluster), session

    async def make(self, kind: str, name: str, spec: Any, *, namespace: str = NAMESPACE) -> None:
        """An object of one of the gateway's kinds."""
        resource = KINDS[kind]
        body = {
            "apiVersion": resource.api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        await self.stage.create(resource, body)

    async def pod(self, name: str, *, ready: bool = True, **container: Any) -> None:
        """One that serves, with the label `app` of its name's first word."""
        main = {"name": "main", "image": "x/vllm:1", "ports": [{"containerPort": 8000}], **container}
        labels = {"app": name.split("-")[0]}
        await self.stage.create(
            PODS, {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [main]}}
        )
        status = {"status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}
        await self.stage.cluster.patch(PODS, name, status, namespace=NAMESPACE, subresource="status")

    async def service(self, name: str, app: str, *, port: int = 80, target: Any = 8000) -> None:
        spec = {"selector": {"app": app}, "ports": [{"port": port, "targetPort": target}]}
        await self.stage.create(SERVICES, {"metadata": {"name": name}, "spec": spec})

    async def pool(self, name: str, app: str, *, picker: bool = True) -> None:
        if picker:
            await self.service(f"{name}-epp", "epp", port=9002, target=9002)
        spec = {
            "selector": {"matchLabels": {"app": app}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": f"{name}-epp", "port": {"number": 9002}},
        }
        await self.make("InferencePool", name, spec)

    async def route(self, name: str, model: str, *, pool: str = "", **rule: Any) -> None:
        header = {"name": "X-Gateway-Model-Name", "value": model}
        backend = {
            "group": "inference.networking.k8s.io",
            "kind": "InferencePool",
            "name": pool or name,
        }
        rules = [{"matches": [{"headers": [header]}], "backendRefs": [backend], **rule}]
        spec = {"parentRefs": [GATEWAY], "rules": rules}
        await self.make("HTTPRoute", name, spec)

    async def publish(self, name: str, model: str) -> None:
        """A pod that serves a model, its pool, and the route; until the gateway knows them."""
        await self.pod("epp-0" if name == "chat" else f"epp-{name}", ports=[{"containerPort": 9002}])
        await self.pod(f"{name}-0", args=["--model", model])
        await self.pool(name, name)
        await self.route(name, model)
        await self.until_said(ROUTES, name, "Accepted", "Accepted")
        await self.until_said(ROUTES, name, "ResolvedRefs", "ResolvedRefs")

    async def until_said(self, kind: Any, name: str, condition: str, reason: str) -> Object:
        """Until the controller says something of a route or a pool."""
        return await self.stage.until_one(
            kind,
            name,
            lambda obj: any(
                condition_of({"status": parent}, condition).get("reason") == reason
                for parent in (obj.get("status") or {}).get("parents") or []
            ),
        )

    async def post(self, body: Any, path: str = "/v1/chat/completions", **options: Any) -> tuple[int, Any]:
        """Status and answer, which is JSON."""
        async with self._session.post(self.gateway.url + path, json=body, **options) as answer:
            return answer.status, await answer.json()

    async def until_answered(self, status: int, body: Any, path: str = "/v1/chat/completions") -> Any:
        """Call again until the answer has a status: what the gateway knows comes by its own watches."""
        async with asyncio.timeout(60):
            while True:
                code, answer = await self.post(body, path)
                if code == status:
                    return answer
                await asyncio.sleep(0.05)

    async def stream(self, body: Any, path: str = "/v1/chat/completions") -> tuple[str, list[str]]:
        """The kind of the answer, and what each of its events says."""
        url = self.gateway.url + path
        async with self._session.post(url, json={**body, "stream": True}) as answer:
            text = await answer.text()
            return answer.content_type, [line.removeprefix("data: ") for line in text.split("\n\n") if line]


@pytest.fixture
async def caller(cluster: Cluster) -> AsyncIterator[Caller]:
    """The emulated cluster with the pretend gateway, and without anybody who makes pods."""
    async with PretendGateway(cluster) as gateway, aiohttp.ClientSession() as session:
        yield Caller(gateway, cluster, session)
