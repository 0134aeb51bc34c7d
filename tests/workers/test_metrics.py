"""The SDK's metrics are served where the settings say, and say of which cluster they are."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

from airunway.sandbox.temporal import TemporalServer, free_port
from airunway.workers.audit.metrics import FleetMetrics, meter_of
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect


def read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


async def test_metrics_are_served_on_the_port_of_the_settings(tmp_path: Path) -> None:
    port = free_port()
    async with TemporalServer(headless=True, log_file=tmp_path / "temporal.log") as server:
        client = await connect(Settings(temporal_address=server.address, metrics_port=port))
        await client.count_workflows()

        text = await asyncio.to_thread(read, f"http://127.0.0.1:{port}/metrics")

    assert 'temporal_request{namespace="default",operation="CountWorkflowExecutions"' in text


async def test_every_metric_names_the_cluster_once(tmp_path: Path) -> None:
    port = free_port()
    async with TemporalServer(headless=True, log_file=tmp_path / "temporal.log") as server:
        client = await connect(Settings(temporal_address=server.address, metrics_port=port, cluster="here"))
        await client.count_workflows()
        FleetMetrics(meter_of(client)).present(deployments=3, without_open_workflow=0, stuck=0)

        text = await asyncio.to_thread(read, f"http://127.0.0.1:{port}/metrics")

    lines = [line for line in text.splitlines() if line.startswith(("temporal_request{", "airunway_"))]
    assert any(line.startswith("airunway_deployments{") for line in lines)
    assert [line for line in lines if line.count('cluster="here"') != 1] == []
