"""What the web process takes for a list of many deployments: time and memory.

    python -m benchmarks.web --deployments 1000

It runs as a process of its own before an emulated cluster. Bars: a list of a thousand in 150 ms, 150 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import DEPLOYMENTS, PODS, Cluster
from kube_emulator import EmulatedCluster
from kube_emulator.envtest.ports import free_port

AT_ONCE = 20
ROUNDS = 20
PLAIN = {"Accept-Encoding": "identity"}


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--deployments", type=int, default=1000)
    asyncio.run(measure(parser.parse_args().deployments))


async def measure(count: int) -> None:
    """Time and memory with so many deployments, each with a pod."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmulatedCluster() as emulated:
            kubeconfig = emulated.kubeconfig(Path(folder) / "kubeconfig")
            async with await Cluster.connect(kubeconfig) as cluster:
                await apply_own_crds(cluster, field_manager="benchmark")
                await fill(cluster, count)
            async with web(kubeconfig) as (url, process):
                await ask(url, process, count)


async def fill(cluster: Cluster, count: int) -> None:
    """Deployments with the status of one that runs, and its pod."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def make(number: int) -> None:
        async with turn:
            await _make(cluster, f"demo-{number}")

    await asyncio.gather(*(make(number) for number in range(count)))


async def _make(cluster: Cluster, name: str) -> None:
    body: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": DEPLOYMENT_KIND,
        "metadata": {"name": name},
        "spec": {"model": {"id": "Qwen/Qwen3-0.6B"}, "engine": {"type": "vllm"}},
    }
    await cluster.create(DEPLOYMENTS, body, namespace="default")
    types = (
        "Validated",
        "EngineSelected",
        "ProviderSelected",
        "ProviderCompatible",
        "ResourceCreated",
        "Ready",
    )
    when = "2026-01-01T00:00:00Z"
    conditions = [
        {"type": kind, "status": "True", "reason": kind, "message": f"{kind}: as it should be, {name}"}
        for kind in types
    ]
    status = {
        "phase": "Running",
        "message": "serves",
        "provider": {"name": "vllm", "selectedReason": "the only one that fits"},
        "engine": {"type": "vllm"},
        "replicas": {"desired": 1, "ready": 1, "available": 1},
        "endpoint": {"service": name, "port": 8000},
        "conditions": [{**entry, "lastTransitionTime": when} for entry in conditions],
    }
    await cluster.patch(DEPLOYMENTS, name, {"status": status}, namespace="default", subresource="status")
    container = {"name": "main", "image": "registry.example.com/vllm:1"}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-0", "labels": {"airunway.ai/deployment": name}},
        "spec": {"containers": [container], "nodeName": "node"},
    }
    await cluster.create(PODS, pod, namespace="default")


@asynccontextmanager
async def web(kubeconfig: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The process, and its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airunway.cli", "web", "--kubeconfig", str(kubeconfig)),
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("AIRUNWAY_")},
            "AIRUNWAY_WEB_PORT": str(port),
            "AIRUNWAY_HEALTH_PORT": "0",
            "AIRUNWAY_TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        await process.wait()


async def ask(url: str, process: asyncio.subprocess.Process, count: int) -> None:
    """Ask until everything is followed, then measure."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def listed() -> tuple[float, int]:
            began = time.perf_counter()
            async with session.get(f"{url}/api/deployments") as answer:
                data = await answer.read()
            return (time.perf_counter() - began) * 1000, len(data)

        while True:
            try:
                async with session.get(f"{url}/api/deployments?limit=1", headers=PLAIN) as answer:
                    if answer.status == 200 and f'"total":{count}' in await answer.text():
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        before = resident_megabytes(process.pid)
        first, size = await listed()
        times = sorted([(await listed())[0] for _ in range(ROUNDS)])
    print(f"{count} deployments: {size} bytes, gzipped")
    print(f"the first list: {first:.0f} ms")
    print(f"then: median {statistics.median(times):.0f} ms, longest {times[-1]:.0f} ms")
    print(f"memory: {before:.0f} MB before the first list, {resident_megabytes(process.pid):.0f} MB after")


def resident_megabytes(pid: int) -> float:
    """What a process holds in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


if __name__ == "__main__":
    main()
