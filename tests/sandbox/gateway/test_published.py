"""A deployment in the sandbox is published behind the pretend gateway, and a chat request is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from airunway.sandbox.gateway.state import ROUTES
from airunway.sandbox.operators import dynamo, kuberay
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.operators.upstream import install
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def system() -> AsyncIterator[Stage]:
    """The sandbox with its gateway, worker and watcher, everything instant."""
    async with Sandbox(timing=Timing.instant(), headless=True, gateway=True) as sandbox:
        assert sandbox.gateway is not None
        for crd in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(sandbox.cluster, crd, field_manager="test")
        settings = Settings(
            temporal_address=sandbox.temporal.address,
            kubeconfig=sandbox.kubeconfig,
            registry_mirrors={"docker.io": sandbox.registry.url, "ghcr.io": sandbox.registry.url},
            service_url=sandbox.gateway.servers.service_url,
        )
        tasks = [asyncio.create_task(run(settings)) for run in (run_worker, run_watcher)]
        yield Stage(sandbox.cluster, patience=120)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_from_a_deployment_to_an_answer_and_to_none(system: Stage) -> None:
    await system.create(DEPLOYMENTS, deployment("named", "vllm", model={"id": "org/m", "servedName": "chat"}))
    await system.create(DEPLOYMENTS, deployment("asked", "kaito"))

    named, asked = await published(system, "named"), await published(system, "asked")
    assert named["modelName"] == "chat"
    assert named["url"] == asked["url"]
    for gateway in (named, asked):
        model = gateway["modelName"]
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        status, text = await call(gateway["url"], body)
        assert (status, json.loads(text)["model"]) == (200, model), text
        status, text = await call(gateway["url"], {**body, "stream": True})
        events = [line for line in text.split("\n\n") if line]
        assert (status, events[-1]) == (200, "data: [DONE]")
        assert len(events) > 3

    await system.cluster.delete(DEPLOYMENTS, "named", namespace=NAMESPACE)
    await system.until(ROUTES, lambda routes: "named" not in {one["metadata"]["name"] for one in routes})
    await until_unknown(named["url"], {"model": "chat", "messages": []})


@pytest.mark.parametrize("provider", ["llmd", "kuberay", "dynamo"])
async def test_every_providers_model_answers_through_the_gateway(system: Stage, provider: str) -> None:
    """Dynamo's operator makes pool and picker itself; llm-d has a picker of its own image."""
    for operator in (dynamo, kuberay):
        await install(system.cluster, operator.CHART, namespace=operator.OPERATOR[0])
    await system.create(DEPLOYMENTS, deployment("chat", provider))

    gateway = await published(system, "chat")

    body = {"model": gateway["modelName"], "messages": [{"role": "user", "content": "Hello"}]}
    status, text = await call(gateway["url"], body)
    assert (status, json.loads(text)["model"]) == (200, "acme/chat"), text
    route = await system.cluster.get(ROUTES, "chat", namespace=NAMESPACE)
    (backend,) = route["spec"]["rules"][0]["backendRefs"]
    assert backend["name"] == ("chat-pool" if provider == "dynamo" else "chat")


async def published(system: Stage, name: str) -> dict[str, Any]:
    """Its `status.gateway`, once requests arrive."""
    found = await system.until_one(
        DEPLOYMENTS, name, lambda obj: condition_of(obj, "GatewayReady").get("status") == "True"
    )
    gateway: dict[str, Any] = found["status"]["gateway"]
    return gateway


async def call(url: str, body: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, await answer.text()


async def until_unknown(url: str, body: Any) -> None:
    """The gateway hears of the route's end by a watch of its own."""
    async with asyncio.timeout(60):
        while (await call(url, body))[0] != 404:
            await asyncio.sleep(0.05)


def deployment(name: str, provider: str, **spec: Any) -> Object:
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"id": f"acme/{name}"},
            "provider": {"name": provider},
            "engine": {"type": "vllm"},
            "resources": {"gpu": {"count": 1}},
            **spec,
        },
    }
