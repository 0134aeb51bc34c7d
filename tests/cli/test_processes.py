"""Worker and watcher as processes: what they say while something is away, their probes, their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from airunway.api.names import UID_NAMESPACE, cluster_name_from
from airunway.clients.kubernetes import NAMESPACES, Cluster
from kube_emulator import EmulatedCluster
from kube_emulator.envtest.ports import free_port

pytestmark = pytest.mark.timeout(120)

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    async with EmulatedCluster() as cluster:
        yield cluster.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
async def start(tmp_path: Path, kubeconfig: Path) -> AsyncIterator[Start]:
    """Start a process for a cluster that answers and a Temporal that does not."""
    started: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "airunway.cli", *arguments, "--kubeconfig", str(kubeconfig)),
            cwd=tmp_path,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("AIRUNWAY_")},
                "AIRUNWAY_TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
                **environment,
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(90):
        while line := (await process.stderr.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"ended without {text!r}")


async def probe(port: int, path: str) -> int:
    """The status a probe answers; it listens a moment after the start, whatever is logged meanwhile."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(90):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    return answer.status
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("command", ["worker", "watcher"])
async def test_a_temporal_that_is_away_is_waited_for(start: Start, command: str) -> None:
    port = free_port()
    process = await start(command, AIRUNWAY_HEALTH_PORT=str(port))

    line = await line_with(process, "Temporal does not answer; waiting for it")

    assert "127.0.0.1:" in line
    assert (await probe(port, "healthz"), await probe(port, "readyz")) == (200, 503)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_it_is_told_to(start: Start, number: signal.Signals) -> None:
    process = await start("watcher", AIRUNWAY_HEALTH_PORT="0")
    await line_with(process, "Temporal does not answer")

    process.send_signal(number)
    _, rest = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in rest


async def test_a_port_that_is_taken_is_said_in_one_line(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        process = await start("watcher", AIRUNWAY_HEALTH_PORT=port)
        _, said = await process.communicate()

    assert process.returncode == 1
    last = said.decode().splitlines()[-1]
    assert last.startswith("airunway: ")
    assert port in last


async def test_logs_are_json_for_machines(start: Start) -> None:
    process = await start("watcher", AIRUNWAY_HEALTH_PORT="0", AIRUNWAY_LOG_FORMAT="json")

    line = await line_with(process, "Temporal does not answer")

    assert line.startswith("{")
    assert '"level": "warning"' in line


PROCESSES = [
    pytest.param("worker", ("worker",), id="worker"),
    pytest.param("provider worker", ("worker", "--no-core", "--provider", "vllm"), id="provider worker"),
    pytest.param("installer", ("worker", "--no-core", "--no-providers", "--installer"), id="installer"),
    pytest.param("watcher", ("watcher",), id="watcher"),
    pytest.param("webhook", ("webhook",), id="webhook"),
    pytest.param("web", ("web",), id="web"),
]


@pytest.mark.parametrize(("role", "command"), PROCESSES)
async def test_a_process_says_what_it_is_and_serves_metrics(
    start: Start, role: str, command: tuple[str, ...]
) -> None:
    port = free_port()
    process = await start(
        *command,
        AIRUNWAY_HEALTH_PORT="0",
        AIRUNWAY_WEBHOOK_PORT="0",
        AIRUNWAY_WEB_PORT="0",
        AIRUNWAY_METRICS_PORT=str(port),
        AIRUNWAY_CLUSTER="here",
        AIRUNWAY_LOG_FORMAT="json",
    )

    said = json.loads(await line_with(process, f'"event": "{role} starts"'))
    text = await scraped(port)

    assert (said["role"], said["cluster"]) == (role, "here")
    assert said["version"]
    if role != "webhook":
        assert said["temporal"].startswith("127.0.0.1:") and said["temporal_namespace"] == "default"
    if command[0] == "worker":
        assert said["queues"]
    assert f'airunway_build_info{{cluster="here",role="{role}",version="{said["version"]}"}} 1.0' in text
    assert 'airunway_ready{cluster="here"} ' in text
    assert ("airunway_watcher_leader" in text) is (role == "watcher")
    assert ("airunway_image_build_duration_seconds_bucket" in text) is (command[0] == "worker")
    assert ("airunway_admission_reviews_total" in text) is (role == "webhook")


async def test_a_webhook_knows_its_cluster_without_being_told(start: Start, kubeconfig: Path) -> None:
    async with await Cluster.connect(kubeconfig) as cluster:
        uid = (await cluster.get(NAMESPACES, UID_NAMESPACE))["metadata"]["uid"]

    process = await start(
        "webhook", AIRUNWAY_HEALTH_PORT="0", AIRUNWAY_WEBHOOK_PORT="0", AIRUNWAY_LOG_FORMAT="json"
    )
    said = json.loads(await line_with(process, '"event": "webhook starts"'))

    assert said["cluster"] == cluster_name_from(uid)


async def scraped(port: int) -> str:
    async with aiohttp.ClientSession() as session, asyncio.timeout(90):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    return await answer.text()
            await asyncio.sleep(0.05)
