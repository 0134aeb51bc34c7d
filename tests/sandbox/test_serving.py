"""Pods of the sandbox print, and answer through the API server's proxy: chat, models, health, metrics."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from airunway.clients.kubernetes import PODS, Resource
from airunway.sandbox.operators.faults import FAULT_ANNOTATION
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from tests.sandbox.conftest import NAMESPACE, Stage

SERVICES = Resource("v1", "services")
PATH = f"/api/v1/namespaces/{NAMESPACE}"
ARGS = ["serve", "org/m", "--served-model-name", "chat"]


class Visitor:
    """Calls the API server of a sandbox as any client would."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.stage = Stage(sandbox.cluster)
        self.api, self._session = sandbox.api, session

    async def serve(self, name: str, **more: Any) -> None:
        """A pod that runs, and a Service of its name."""
        container = {"name": "main", "image": "example/vllm:1", "args": ARGS}
        container |= {"ports": [{"name": "http", "containerPort": 8000}], **more}
        labels = {"app": name}
        await self.stage.create(
            PODS, {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}
        )
        ports = [{"name": "http", "port": 80, "targetPort": "http"}]
        await self.stage.create(
            SERVICES, {"metadata": {"name": name}, "spec": {"selector": labels, "ports": ports}}
        )
        await self.stage.pods(lambda pods: all(_is_ready(pod) for pod in pods))

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self.api.url + PATH + path) as answer:
            return answer.status, await answer.text()

    async def chat(self, service: str, **more: Any) -> tuple[int, str]:
        url = f"{self.api.url}{PATH}/services/{service}:80/proxy/v1/chat/completions"
        body = {"model": "chat", "messages": [{"role": "user", "content": "Are you there?"}], **more}
        async with self._session.post(url, json=body) as answer:
            return answer.status, await answer.text()


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with (
        Sandbox(timing=Timing.instant(), temporal=False, installed=False) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Visitor(sandbox, session)


async def test_a_model_server_answers_behind_its_service_and_at_its_pod(visitor: Visitor) -> None:
    await visitor.serve("chat")

    status, text = await visitor.chat("chat")
    ways = ("services/chat:80", "pods/chat:8000")
    models = [await visitor.get(f"/{way}/proxy/v1/models") for way in ways]
    health = await visitor.get("/services/chat:http/proxy/health")

    assert status == 200
    assert "You said: Are you there?" in json.loads(text)["choices"][0]["message"]["content"]
    assert [json.loads(said)["data"][0]["id"] for _, said in models] == ["chat", "chat"]
    assert health[0] == 200


async def test_its_answer_may_be_streamed(visitor: Visitor) -> None:
    await visitor.serve("chat")

    status, text = await visitor.chat("chat", stream=True)

    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert (status, events[-1]) == (200, "[DONE]")
    said = "".join(json.loads(one)["choices"][0]["delta"].get("content", "") for one in events[:-1])
    assert "Are you there?" in said


async def test_two_servers_do_not_answer_for_each_other(visitor: Visitor) -> None:
    await visitor.serve("chat")
    await visitor.serve("code", args=["serve", "org/code"])

    assert (await visitor.chat("code"))[0] == 404
    assert (await visitor.chat("code", model="org/code"))[0] == 200
    assert (await visitor.chat("chat", model="org/code"))[0] == 404


async def test_what_was_answered_is_measured_and_logged(visitor: Visitor) -> None:
    await visitor.serve("chat")
    await visitor.chat("chat")

    _, metrics = await visitor.get("/services/chat:80/proxy/metrics")
    _, log = await visitor.get("/pods/chat/log")

    lines = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert lines['vllm:request_success_total{model_name="chat",finished_reason="stop"}'] == "1"
    assert lines['vllm:prompt_tokens_total{model_name="chat"}'] == "3"
    assert int(lines['vllm:generation_tokens_total{model_name="chat"}']) > 3
    for name in ("num_requests_running", "num_requests_waiting", "gpu_cache_usage_perc"):
        assert lines[f'vllm:{name}{{model_name="chat"}}'] == "0"
    for name in ("e2e_request_latency", "time_to_first_token", "time_per_output_token"):
        assert float(lines[f'vllm:{name}_seconds_sum{{model_name="chat"}}']) > 0
    assert "Application startup complete" in log
    assert '"POST /v1/chat/completions HTTP/1.1" 200' in log


async def test_a_pod_that_is_not_ready_refuses_connections(visitor: Visitor) -> None:
    container = {"name": "main", "image": "example/vllm:1", "args": ARGS}
    annotations = {FAULT_ANNOTATION: "never-ready"}
    meta = {"name": "slow", "annotations": annotations}
    await visitor.stage.create(PODS, {"metadata": meta, "spec": {"containers": [container]}})
    await visitor.stage.pods(lambda pods: (pods[0].get("status") or {}).get("podIP"))

    status, text = await visitor.get("/pods/slow:8000/proxy/health")

    assert status == 503
    assert "connection refused" in text


async def test_what_a_crashing_pod_printed_is_kept(visitor: Visitor) -> None:
    container = {"name": "main", "image": "example/vllm:1", "args": ARGS}
    meta = {"name": "bad", "annotations": {FAULT_ANNOTATION: "crash"}}
    await visitor.stage.create(PODS, {"metadata": meta, "spec": {"containers": [container]}})
    await visitor.stage.pods(lambda pods: "CrashLoopBackOff" in json.dumps(pods))

    status, log = await visitor.get("/pods/bad/log?previous=true")

    assert status == 200
    assert "could not be initialised" in log
