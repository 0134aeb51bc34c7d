"""Logs, metrics and chat of what runs, through the API server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Resource
from airunway.web.derive.logs import container_of, without_colours
from airunway.web.derive.metrics import metrics_in
from kube_emulator import EmulatedCluster
from tests.gateway.site import GatewaySite
from tests.web.place import WebPlace, web_before

SERVICES = Resource("v1", "services")
QUERY = "?namespace=default"
CHUNKS = ['data: {"choices": [{"delta": {"content": "hello"}}]}\n\n', "data: [DONE]\n\n"]


@dataclass
class ModelServer:
    """What a pod serves."""

    emulated: EmulatedCluster
    port: int = 0
    refusal: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    routed: list[tuple[str, str]] = field(default_factory=list)
    """Of requests that came through a Gateway: the model it was told, and whose token came with them."""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.emulated.proxy.where = self._where
        return runner

    async def _where(self, pod: dict[str, Any], port: int) -> tuple[str, int] | None:
        return ("127.0.0.1", self.port) if port == 8000 else None

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text='# HELP x\nvllm:num_requests_running{model="a"} 3.0\nbad NaN\n')

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "what-it-calls-itself"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if model := request.headers.get("X-Gateway-Model-Name"):
            self.routed.append((model, request.headers.get("Authorization", "")))
        if self.refusal:
            shown = {"error": {"message": "too long a question"}}
            return web.json_response(shown, status=self.refusal)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in CHUNKS:
            await response.write(chunk.encode())
        return response


@dataclass
class Serving:
    """The application and what stands behind it."""

    place: WebPlace
    emulated: EmulatedCluster
    server: ModelServer


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with EmulatedCluster() as emulated:
        server = ModelServer(emulated)
        runner = await server.start()
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_own_crds(cluster, field_manager="test")
            async with web_before(cluster) as place:
                await _running(place)
                yield Serving(place, emulated, server)
        await runner.cleanup()


async def _running(place: WebPlace) -> None:
    """A deployment, its pod, and the Service before it."""
    replicas = {"desired": 1, "ready": 1, "available": 1}
    endpoint = {"service": "demo", "port": 8000}
    await place.deployment("demo", phase="Running", replicas=replicas, endpoint=endpoint)
    spec = {"selector": {"app": "demo"}, "ports": [{"name": "http", "port": 8000, "targetPort": 8000}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo"}, "spec": spec}
    await place.cluster.create(SERVICES, service, namespace="default")
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    container = {
        "name": "main",
        "ready": True,
        "restartCount": 0,
        "image": "i",
        "imageID": "",
        "state": state,
    }
    await place.pod(
        "demo-0",
        labels={"app": "demo", "airunway.ai/deployment": "demo"},
        node="n",
        phase="Running",
        podIP="10.0.0.7",
        conditions=[{"type": "Ready", "status": "True"}],
        containerStatuses=[container],
    )
    await place.until(lambda: len(place.state.fleet.pods_of("default", "demo")) == 1)


async def test_logs_of_the_pod_without_a_terminals_colours(serving: Serving) -> None:
    pod = serving.place.state.fleet.pods_of("default", "demo")[0]
    serving.emulated.logs.write(pod["metadata"]["uid"], "main", "\x1b[32mready\x1b[0m")

    answer = await serving.place.get(f"/api/deployments/demo/logs{QUERY}")

    assert answer.status == 200, answer.body
    assert answer.body["logs"].strip() == "ready"
    assert (answer.body["podName"], answer.body["container"]) == ("demo-0", "main")
    other = await serving.place.get(f"/api/deployments/demo/logs{QUERY}&podName=somebody-elses")
    assert (other.status, "somebody-elses" in other.message) == (400, True)


async def test_metrics_of_the_server(serving: Serving) -> None:
    shown = (await serving.place.get(f"/api/deployments/demo/metrics{QUERY}")).body

    assert shown["available"] is True
    wanted = {"name": "vllm:num_requests_running", "value": 3, "labels": {"model": "a"}}
    assert shown["metrics"] == [wanted]


async def test_chat_is_streamed_and_asks_the_model_by_its_own_name(serving: Serving) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}

    answer = await serving.place.post(f"/api/deployments/demo/chat{QUERY}", body)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers.get("Content-Encoding", "identity") == "identity"
    assert answer.body == "".join(CHUNKS)
    asked = serving.server.asked[0]
    assert (asked["model"], asked["stream"], asked["temperature"]) == ("what-it-calls-itself", True, 0.5)
    assert (await serving.place.post("/api/deployments/default/demo/chat", body)).status == 200


@pytest.mark.parametrize(("is_a_gateways", "status"), [(True, 200), (False, 404)])
async def test_without_a_service_chat_goes_to_the_deployments_gateway_and_nowhere_else(
    serving: Serving, is_a_gateways: bool, status: int
) -> None:
    site, place = GatewaySite(serving.emulated, serving.place.cluster), serving.place
    await site.install()
    await site.gateway(address="127.0.0.1" if is_a_gateways else "192.0.2.7")
    routed = {"endpoint": f"127.0.0.1:{serving.server.port}", "modelName": "published"}
    change = {"status": {"gateway": routed, "endpoint": {"service": "gone", "port": 8000}}}
    await place.cluster.patch(DEPLOYMENTS, "demo", change, namespace="default", subresource="status")

    body = {"messages": [{"role": "user", "content": "hi"}]}
    answer = await place.post(f"/api/deployments/demo/chat{QUERY}", body, Authorization="Bearer mine")

    assert answer.status == status, answer.body
    assert [model for model, _ in serving.server.routed] == (["published"] if is_a_gateways else [])
    assert all(not authorization for _, authorization in serving.server.routed)
    if is_a_gateways:
        assert answer.body == "".join(CHUNKS)


async def test_what_the_model_server_refuses_is_told(serving: Serving) -> None:
    serving.server.refusal = 413

    body = {"messages": [{"role": "user", "content": "hi"}]}
    answer = await serving.place.post(f"/api/deployments/demo/chat{QUERY}", body)

    assert (answer.status, answer.message) == (413, "too long a question")
    serving.server.refusal = 418
    assert (await serving.place.post(f"/api/deployments/demo/chat{QUERY}", body)).status == 502


async def test_one_that_does_not_serve_says_why(place: WebPlace) -> None:
    await place.deployment("waiting", phase="Pending", message="waits for a GPU")

    body = {"messages": [{"role": "user", "content": "hi"}]}
    answer = await place.post(f"/api/deployments/waiting/chat{QUERY}", body)

    assert answer.status == 409
    assert "waits for a GPU" in answer.message


def test_samples_that_are_none_are_left_out() -> None:
    text = 'a{x="1\\"2",y="z"} 1.5 1700\nb +Inf\n# c 1\nd\ne 1e3\n'

    assert metrics_in(text) == [
        {"name": "a", "value": 1.5, "labels": {"x": '1"2', "y": "z"}},
        {"name": "e", "value": 1000, "labels": {}},
    ]


def test_labels_that_are_one_long_word_are_gone_through_once() -> None:
    text = f"a{{{'b' * 1_000_000}}} 1\n"  # letter by letter each time it would take hours

    assert metrics_in(text) == [{"name": "a", "value": 1, "labels": {}}]


@pytest.mark.parametrize(
    ("names", "ready", "wanted"),
    [(["side", "vllm"], "side", "vllm"), (["a", "b"], "b", "b"), (["a", "b"], "", "a"), ([], "", "")],
)
def test_the_container_whose_logs_tell_most(names: list[str], ready: str, wanted: str) -> None:
    pod = {
        "spec": {"containers": [{"name": name} for name in names]},
        "status": {"containerStatuses": [{"name": name, "ready": name == ready} for name in names]},
    }

    assert container_of(pod) == wanted


def test_codes_of_a_terminal_are_taken_out() -> None:
    assert without_colours("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x") == "red x"
    assert json.dumps(without_colours("plain")) == '"plain"'
