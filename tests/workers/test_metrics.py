"""The SDK's metrics are served where the settings say."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

from airunway.sandbox.temporal import TemporalServer, free_port
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
