"""Metrics and traces go where the standard variables say, and only when they are asked for."""

from __future__ import annotations

import asyncio
import builtins
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from airunway.metrics.registry import EXPOSITION
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.settings import Settings
from airunway.workers.temporal import telemetry
from airunway.workers.temporal.target import InvalidConnection
from airunway.workers.temporal.telemetry import otlp_metrics, runtime_for, tracing


@pytest.mark.parametrize(
    ("variables", "url", "http", "headers"),
    [
        ({}, "http://localhost:4317", False, {}),
        ({"PROTOCOL": "http/protobuf"}, "http://localhost:4318/v1/metrics", True, {}),
        (
            {
                "ENDPOINT": "https://otel.example:4318/",
                "PROTOCOL": "http/protobuf",
                "HEADERS": "Key=a%20b, x=1",
            },
            "https://otel.example:4318/v1/metrics",
            True,
            {"key": "a b", "x": "1"},
        ),
        (
            {
                "ENDPOINT": "http://all:4317",
                "METRICS_ENDPOINT": "http://metrics:9/own",
                "METRICS_PROTOCOL": "grpc",
            },
            "http://metrics:9/own",
            False,
            {},
        ),
        (
            {"METRICS_ENDPOINT": "http://metrics:9/own", "PROTOCOL": "http/protobuf"},
            "http://metrics:9/own",
            True,
            {},
        ),
    ],
)
def test_metrics_go_where_the_standard_variables_say(
    variables: dict[str, str], url: str, http: bool, headers: dict[str, str]
) -> None:
    config = otlp_metrics({f"OTEL_EXPORTER_OTLP_{name}": value for name, value in variables.items()})

    assert (config.url, config.http, dict(config.headers or {})) == (url, http, headers)


def test_a_protocol_that_is_not_spoken_is_said() -> None:
    with pytest.raises(
        InvalidConnection, match="none of the protocols that are known; use grpc or http/protobuf"
    ):
        otlp_metrics({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})


def test_what_goes_by_otlp_is_not_served_as_well() -> None:
    before = list(EXPOSITION.also_read)

    runtime_for(Settings(metrics_port=1, metrics_otlp=True, cluster="by-otlp"))

    assert EXPOSITION.also_read == before


def test_nothing_is_loaded_unless_traces_are_asked_for() -> None:
    code = (
        "import sys; from airunway.workers.settings import Settings;"
        "from airunway.workers.temporal.telemetry import tracing; assert tracing(Settings()) == [];"
        "assert 'opentelemetry' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_packages_are_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_them(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest)

    telemetry._tracing.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without_them)

    with pytest.raises(InvalidConnection, match=re.escape("pip install 'airunway-temporal[otel]'")):
        tracing(Settings(tracing=True))


class Collector:
    """An OpenTelemetry collector that keeps what it is sent: path to bodies."""

    def __init__(self) -> None:
        self.got: dict[str, bytes] = {}
        self._changed = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.got[request.path] = self.got.get(request.path, b"") + await request.read()
        self._changed.set()
        return web.Response(content_type="application/x-protobuf")

    async def until(self, path: str, words: bytes) -> None:
        async with asyncio.timeout(90):
            while words not in self.got.get(path, b""):
                self._changed.clear()
                await self._changed.wait()


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    collecting = Collector()
    app = web.Application()
    app.router.add_post("/{path:.*}", collecting.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # exporters keep their connections open
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield collecting, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


STARTER = """
import asyncio, sys
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect

async def main():
    client = await connect(Settings())
    await client.start_workflow("Unheard", id="unheard", task_queue="nobody-listens")
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
"""In a process of its own: what exports metrics does so until its process ends."""


async def test_spans_and_metrics_reach_the_collector(
    collector: tuple[Collector, str], tmp_path: Path
) -> None:
    collecting, url = collector
    async with TemporalServer(headless=True, log_file=tmp_path / "temporal.log") as server:
        environment = {
            **os.environ,
            "AIRUNWAY_TEMPORAL_ADDRESS": server.address,
            "AIRUNWAY_TRACING": "true",
            "AIRUNWAY_METRICS_OTLP": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_SERVICE_NAME": "runway-of-the-test",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STARTER, env=environment, stdin=asyncio.subprocess.PIPE
        )

        await collecting.until("/v1/traces", b"StartWorkflow:Unheard")
        await collecting.until("/v1/metrics", b"temporal_request")
        await process.communicate(b"")

    assert process.returncode == 0
    assert b"runway-of-the-test" in collecting.got["/v1/traces"]
    assert b"runway-of-the-test" in collecting.got["/v1/metrics"]
