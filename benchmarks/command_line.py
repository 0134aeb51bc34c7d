"""How long a person waits for the command line, beside `kubectl get` in the same run.

    python -m benchmarks.command_line [--runs 10] [--deployments 20]

On the emulated cluster with Temporal's development server: `airunway --help`, `airunway status` and, if it is
on PATH, `kubectl get modeldeployments`, in turns, each in a process of its own; the medians. Bars, on a quiet
machine: `--help` within 0.3 s, `status` within 1 s and 3 times `kubectl get`. What takes its time:
`python -X importtime -m airunway.cli status`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.sandbox.temporal import TemporalServer
from kube_emulator import EmulatedCluster

WANTED_SECONDS = {"help": 0.3, "status": 1.0}
MAX_RATIO = 3.0


async def seconds_of(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """How long a process takes. Raises RuntimeError where it fails."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said.decode(errors='replace')}")
    return time.perf_counter() - begun


async def fill(cluster: Cluster, count: int) -> None:
    """So many deployments that nobody looks after."""
    await apply_own_crds(cluster)
    for number in range(count):
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": f"chat-{number}"},
            "spec": {"model": {"id": "org/model"}},
        }
        await cluster.create(DEPLOYMENTS, body, namespace="default")


async def measure(folder: Path, *, runs: int, deployments: int) -> dict[str, float]:
    """Medians in seconds, by what was run. The first round warms caches and does not count."""
    airunway = [sys.executable, "-m", "airunway.cli"]
    commands = {"help": [*airunway, "--help"], "status": [*airunway, "status"]}
    if kubectl := shutil.which("kubectl"):
        commands["kubectl get"] = [kubectl, "get", "modeldeployments"]
    taken: dict[str, list[float]] = {name: [] for name in commands}
    async with EmulatedCluster() as emulated, TemporalServer(headless=True, search_attributes={}) as temporal:
        kubeconfig = emulated.kubeconfig(folder / "kubeconfig")
        environment = {
            "KUBECONFIG": str(kubeconfig),
            "AIRUNWAY_TEMPORAL_ADDRESS": temporal.address,
            "HOME": str(folder),
        }
        async with await Cluster.connect(kubeconfig) as cluster:
            await fill(cluster, deployments)
        for round_number in range(runs + 1):
            for name, command in commands.items():
                took = await seconds_of(command, environment)
                if round_number:
                    taken[name].append(took)
    return {name: statistics.median(entries) for name, entries in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--deployments", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), runs=options.runs, deployments=options.deployments))
    for name, took in found.items():
        bar = f" (bar: {WANTED_SECONDS[name]:g} s)" if name in WANTED_SECONDS else ""
        print(f"{name:12} {took:6.3f} s{bar}")
    slow = [name for name, wanted in WANTED_SECONDS.items() if found[name] > wanted]
    if "kubectl get" in found:
        ratio = found["status"] / found["kubectl get"]
        print(f"status takes {ratio:.1f} times kubectl get (bar: {MAX_RATIO:g})")
        slow += ["the ratio"] if ratio > MAX_RATIO else []
    if slow:
        sys.exit(f"over the bar: {', '.join(slow)}")


if __name__ == "__main__":
    main()
