"""One scrape has ours and the SDK's metrics, each with the cluster, and wherever the settings say."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from airunway.metrics.families import READY
from airunway.metrics.registry import EXPOSITION
from airunway.sandbox.temporal import TemporalServer, free_port
from airunway.workers.health import Ready, serve_probes
from airunway.workers.metrics_endpoint import metrics_served
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from tests.metrics.scraping import scraped, series, value


@pytest.fixture
def of_here(monkeypatch: pytest.MonkeyPatch) -> str:
    """A cluster that no test before had: a runtime is kept for the life of the process, with its tags."""
    cluster = f"here-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(EXPOSITION, "cluster", cluster)
    monkeypatch.setattr(EXPOSITION, "also_read", [])
    return cluster


async def test_one_scrape_has_ours_and_the_sdks(tmp_path: Path, of_here: str) -> None:
    async with TemporalServer(headless=True, log_file=tmp_path / "temporal.log") as server:
        client = await connect(Settings(temporal_address=server.address, metrics_port=1, cluster=of_here))
        await client.count_workflows()
        async with metrics_served(0) as port:
            text = await scraped(port)

    lines = [line for line in text.splitlines() if line.startswith(("temporal_request{", "airunway_"))]
    assert any("CountWorkflowExecutions" in line for line in lines)
    assert any(line.startswith("airunway_ready{") for line in lines)
    assert [line for line in lines if 'cluster="' in line and line.count(f'cluster="{of_here}"') != 1] == []


async def test_a_core_that_does_not_answer_costs_only_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXPOSITION, "also_read", [f"http://127.0.0.1:{free_port()}/metrics"])

    with capture_logs() as logs:
        async with metrics_served(0) as port:
            text = await scraped(port)

    assert value(series(text), READY._name) in (0, 1)
    assert [entry["event"] for entry in logs] == [
        "the Temporal SDK's metrics could not be read; ours are served without"
    ]


async def test_probes_and_metrics_are_served_where_the_settings_say() -> None:
    ready, port = Ready(parts={"worker": True, "other": False}), free_port()
    with capture_logs() as logs:
        serving = asyncio.create_task(serve_probes(Settings(health_port=0, metrics_port=port), ready))
        async with asyncio.timeout(60):
            while True:
                try:
                    before = series(await scraped(port))
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            ready.parts["other"] = True
            while not any(entry["event"] == "ready" for entry in logs):
                await asyncio.sleep(0.05)
            after = series(await scraped(port))
            ready.parts["other"] = False
            while not any(entry["event"] == "not ready any more" for entry in logs):
                await asyncio.sleep(0.05)
        serving.cancel()

    assert (value(before, "airunway_ready"), value(after, "airunway_ready")) == (0, 1)
    assert next(entry for entry in logs if entry["event"] == "ready")["parts"] == ["other", "worker"]
    assert next(entry for entry in logs if entry["event"] == "not ready any more")["missing"] == ["other"]
