"""What the dashboard shows of `airunway up`, scraped by Prometheus: the picture of the documentation."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from kube_emulator.envtest.ports import free_port
from tests.cli.test_up import clean_environment
from tests.metrics.panels import panels
from tests.real.browser.chromium import Reader
from tests.real.dashboard.page import WIDTH, height_of, write_page
from tests.servers.prometheus import Prometheus

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

DEADLINE_SECONDS = 200
ALWAYS = {
    "Deployments by phase",
    "Replicas",
    "Reconciles",
    "Open workflows by phase",
    "Image builds",
    "Memory",
}
"""Some of what must have lines: the rest depends on what happened when it was scraped."""
GGUF: dict[str, Any] = {
    "provider": {"name": "kaito"},
    "engine": {"type": "llamacpp"},
    "resources": {"memory": "1Gi"},
}
DYNAMO: dict[str, Any] = {
    "model": {"id": "Qwen/Qwen3-0.6B"},
    "provider": {"name": "dynamo"},
    "engine": {"type": "vllm"},
    "resources": {"gpu": {"count": 1}},
}


@asynccontextmanager
async def sandbox(folder: Path, metrics_port: int) -> AsyncIterator[Path]:
    """`airunway up` with metrics, once its samples run; yields its kubeconfig."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airunway.cli", "up"),
        cwd=folder,
        env={**clean_environment(), "AIRUNWAY_METRICS_PORT": str(metrics_port), "AIRUNWAY_AUDIT": "5"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while "every sample runs" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        rest = asyncio.create_task(process.stdout.read())
        yield folder / ".airunway" / "kubeconfig"
        process.send_signal(signal.SIGINT)
        await rest
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def deploy(cluster: Cluster, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": API_VERSION, "kind": DEPLOYMENT_KIND, "metadata": {"name": name}, "spec": spec}
    await cluster.create(DEPLOYMENTS, body, namespace="default")


async def until_phase(cluster: Cluster, name: str, phase: str) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = await cluster.get(DEPLOYMENTS, name, namespace="default")
            if (found.get("status") or {}).get("phase") == phase:
                return
            await asyncio.sleep(0.2)


async def test_the_dashboard_of_the_sandbox_is_drawn(browser: Browser, tmp_path: Path) -> None:
    port, began, shown = free_port(), time.time(), panels()
    with Prometheus([f"127.0.0.1:{port}"]) as server:
        async with sandbox(tmp_path, port) as kubeconfig, await Cluster.connect(kubeconfig) as cluster:
            await deploy(cluster, "no-such-model", GGUF | {"model": {"id": "missing/model-GGUF"}})
            await deploy(cluster, "by-dynamo", DYNAMO)
            more = {"spec": {"scaling": {"replicas": 3}}}
            await cluster.patch(DEPLOYMENTS, "chat-vllm", more, namespace="default")
            await until_phase(cluster, "no-such-model", "Failed")
            await until_phase(cluster, "by-dynamo", "Running")
            await until_phase(cluster, "chat-vllm", "Running")
            page = write_page(tmp_path, shown, lambda query: server.series(query, since=began))
    height = height_of(shown)
    reader = Reader(
        await browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="dark"), ""
    )

    await reader.goto(page.as_uri())

    await expect(reader.page.locator("body[data-drawn=yes]")).to_be_attached()
    headings = reader.page.locator("h2, h3")
    assert await headings.all_inner_texts() == [panel.title for panel in shown]
    drawn = await reader.page.locator("section:has(.scatterlayer .trace) h3").all_inner_texts()
    assert set(drawn) >= ALWAYS
    assert reader.complaints == []
    await reader.picture("dashboard")
