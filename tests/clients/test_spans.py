"""Spans of requests to the API server: part of what asks, or none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiohttp import web
from kubernetes.aio import client
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes.transport import Transport
from airunway.clients.spans import SPANS
from airunway.workers.temporal.tracing import change_tracing


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    change_tracing(provider.get_tracer("test"))
    yield spans
    SPANS.send_to(None)


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[Transport]:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/missing":
            return web.json_response({"kind": "Status", "code": 404, "message": "hunter2"}, status=404)
        return web.json_response({"metadata": {"name": "chat"}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    found = Transport(configuration)
    yield found
    await found.close()
    await runner.cleanup()


async def test_a_write_is_part_of_the_step_that_makes_it(
    transport: Transport, exporter: InMemorySpanExporter
) -> None:
    with SPANS.span("RunActivity:apply_upstream"):
        await transport.request("PATCH", "/apis/kaito.sh/v1/namespaces/ml/workspaces/chat", body={"a": 1})

    write, step = exporter.get_finished_spans()
    assert (write.name, step.name) == ("Kubernetes PATCH", "RunActivity:apply_upstream")
    assert write.parent is not None and step.context is not None
    assert write.parent.span_id == step.context.span_id
    assert dict(write.attributes or {}) == {"url.path": "/apis/kaito.sh/v1/namespaces/ml/workspaces/chat"}


async def test_what_belongs_to_nothing_is_no_trace(
    transport: Transport, exporter: InMemorySpanExporter
) -> None:
    await transport.request("GET", "/api/v1/nodes")

    assert exporter.get_finished_spans() == ()


async def test_an_error_is_told_by_its_kind_alone(
    transport: Transport, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(NotFound), SPANS.span("step"):
        await transport.request("GET", "/missing")

    request, step = exporter.get_finished_spans()
    assert (request.attributes or {})["error.type"] == "NotFound"
    assert "hunter2" not in request.to_json() + step.to_json()
