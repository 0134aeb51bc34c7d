"""What a running system shows of itself: the contract's metrics, one trace of a deployment, lines in JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airunway.clients.spans import SPANS
from airunway.workers.metrics_endpoint import metrics_served
from airunway.workers.temporal import telemetry
from airunway.workers.temporal.tracing import change_tracing
from tests.e2e.places import places
from tests.e2e.system import System
from tests.metrics.scraping import Series, scraped, series
from tests.metrics.test_definitions import CONTRACT


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans go here instead of to a collector."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    interceptor = change_tracing(provider.get_tracer("test"))
    monkeypatch.setattr(telemetry, "_tracing", lambda: interceptor)
    yield spans
    SPANS.send_to(None)


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def traced(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    exporter: InMemorySpanExporter,
) -> AsyncIterator[System]:
    async with (
        places(request, tmp_path_factory.mktemp("e2e")) as place,
        System(place.kubeconfig, place.temporal_address, tracing=True, metrics_port=1) as running,
    ):
        running.emulated = place.emulated
        yield running


def of_acme(found: Series, name: str) -> float:
    """The sum of a metric's series of the test's provider, or of its counts."""
    names = {name, f"{name}_count"}
    return sum(
        count for (key, labels), count in found.items() if key in names and ("provider", "acme") in labels
    )


async def test_the_contracts_metrics_and_one_trace(traced: System, exporter: InMemorySpanExporter) -> None:
    await traced.deploy("chat")
    await traced.until_phase("chat", "Deploying")
    await traced.serve("chat")
    await traced.until_phase("chat", "Running")
    await traced.until_events("chat", {"DeploymentReady"})
    async with metrics_served(0) as port:
        found = series(await scraped(port))

    shown = {key for key, _ in found}
    assert [name for name in CONTRACT if not {name, f"{name}_count"} & shown] == []
    assert [name for name in CONTRACT if "errors" not in name and not of_acme(found, name)] == []
    assert any(name.startswith("temporal_request") for name in shown)

    spans = exporter.get_finished_spans()
    about_chat = [span for span in spans if (span.attributes or {}).get("airunway.deployment") == "chat"]
    first = min(about_chat, key=lambda span: span.start_time or 0)
    assert first.name == "ChangeSeen" and first.parent is None and first.context is not None
    of_trace = [span for span in spans if span.context and span.context.trace_id == first.context.trace_id]
    names = {span.name for span in of_trace}
    assert {
        "SignalWithStartWorkflow:ModelDeploymentWorkflow",
        "RunWorkflow:ModelDeploymentWorkflow",
        "RunActivity:apply_upstream",
        "RunActivity:write_status",
    } <= names
    writes = [
        str((span.attributes or {})["url.path"])
        for span in of_trace
        if span.name in ("Kubernetes PATCH", "Kubernetes POST")
    ]
    assert any(path.endswith(("/servers/chat", "/servers")) for path in writes)
    assert any(path.endswith("/modeldeployments/chat/status") for path in writes)

    # What a later change leads to is in that one's trace.
    changes = [span for span in about_chat if "Server" in str((span.attributes or {})["airunway.cause"])]
    later = {span.context.trace_id for span in changes if span.context}
    statuses = [span for span in spans if span.name == "RunActivity:write_status" and span.context]
    assert [span for span in statuses if span.context and span.context.trace_id in later]
