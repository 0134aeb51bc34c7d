"""How fast a deployment goes through: one at a time, and a hundred at once, on a real kube-apiserver.

    python -m benchmarks.deployments [--temporal ADDRESS] [--kubeconfig FILE] [--singles 30] [--burst 100]

Without a kubeconfig it starts etcd, kube-apiserver and kube-controller-manager (tools/real/build.py builds
them); without an address, Temporal's dev server on a file. Worker and watcher run in a process of their own.
The operator answers at once, so that the figures are the control plane's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from airunway.clients.crds import apply_crd, apply_own_crds
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    Cluster,
)
from airunway.clients.reflector import ObjectChange, Reflector
from benchmarks.instant_operator import CRD, InstantOperator
from kube_emulator.envtest.ports import free_port
from tests.servers.cluster import Cluster as RealCluster

NAMESPACE = "bench"
WARM_UP = 5
CONTROL_PLANES = {"benchmarks.control_plane", "benchmarks.bare"}
KAITO_OPERATOR = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "kaito-workspace",
        "namespace": NAMESPACE,
        "labels": {"app.kubernetes.io/name": "workspace", "app.kubernetes.io/instance": "kaito-workspace"},
    },
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "kaito"}},
        "template": {
            "metadata": {"labels": {"app": "kaito"}},
            "spec": {"containers": [{"name": "manager", "image": "example.com/kaito:0"}]},
        },
    },
}


def deployment(name: str) -> dict[str, Any]:
    """A ModelDeployment that KAITO takes."""
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"id": "Qwen/Qwen3-0.6B"},
            "provider": {"name": "kaito"},
            "engine": {"type": "vllm"},
            "resources": {"gpu": {"count": 1}},
        },
    }


class PhaseWatch:
    """When each deployment was seen Running."""

    def __init__(self) -> None:
        self.running: dict[str, float] = {}
        self.changed = asyncio.Event()

    def on_change(self, change: ObjectChange) -> None:
        name = change.object["metadata"]["name"]
        if (change.object.get("status") or {}).get("phase") == "Running":
            self.running.setdefault(name, asyncio.get_running_loop().time())
            self.changed.set()

    async def until(self, names: set[str]) -> None:
        while not names <= self.running.keys():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)


async def prepare(cluster: Cluster) -> None:
    for name in (NAMESPACE, "airunway-system"):
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": name}})
    await apply_own_crds(cluster, field_manager="bench")
    await apply_crd(cluster, CRD, field_manager="bench")
    await cluster.apply(APPS_DEPLOYMENTS, KAITO_OPERATOR, field_manager="bench")
    # There is no kubelet: the operator's pod is said to be ready here, and its Deployment follows.
    while not (pods := (await cluster.listing(PODS, namespace=NAMESPACE)).items):
        await asyncio.sleep(0.2)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    name = pods[0]["metadata"]["name"]
    await cluster.patch(PODS, name, {"status": ready}, namespace=NAMESPACE, subresource="status")


async def until_ready(cluster: Cluster, provider: str, *, check: Callable[[], None] = lambda: None) -> None:
    while True:
        check()
        config = await cluster.find(CONFIGS, provider)
        if config and (config.get("status") or {}).get("ready"):
            return
        await asyncio.sleep(0.2)


async def measure(kubeconfig: str, singles: int, burst: int) -> None:
    async with await Cluster.connect(kubeconfig) as cluster:
        operator, watch = InstantOperator(cluster), PhaseWatch()
        tasks = [
            asyncio.create_task(operator.run()),
            asyncio.create_task(Reflector(cluster, DEPLOYMENTS, watch.on_change).run()),
        ]
        await until_ready(cluster, "kaito")
        to_workspace, to_running = [], []
        loop = asyncio.get_running_loop()
        for number in range(singles + WARM_UP):
            name = f"one-{number}"
            begin = loop.time()
            await cluster.create(DEPLOYMENTS, deployment(name), namespace=NAMESPACE)
            await watch.until({name})
            if number == WARM_UP - 1:
                before, idle_mib = cpu_seconds(), control_plane_mib()
            if number >= WARM_UP:
                to_workspace.append(operator.seen[f"{NAMESPACE}/{name}"] - begin)
                to_running.append(watch.running[name] - begin)
            await asyncio.sleep(0.2)
        show("create -> Workspace", to_workspace)
        show("create -> Running  ", to_running)
        names = {f"many-{number}" for number in range(burst)}
        begin = loop.time()
        await asyncio.gather(
            *(cluster.create(DEPLOYMENTS, deployment(name), namespace=NAMESPACE) for name in names)
        )
        created = loop.time() - begin
        await watch.until(names)
        took = max(watch.running[name] for name in names) - begin
        rate = burst / took
        print(f"{burst} at once: created after {created:.1f} s, all Running after {took:.1f} s", end="")
        print(f" = {rate:.1f} per second")
        print_cpu(before, cpu_seconds(), singles + burst)
        print(
            f"  memory of the control plane: {idle_mib:.0f} MiB before, {control_plane_mib():.0f} MiB after"
        )
        for task in tasks:
            task.cancel()


def show(what: str, values: list[float]) -> None:
    ordered = sorted(values)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(f"{what}: p50 {statistics.median(values):.3f} s, p95 {p95:.3f} s, n={len(values)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--temporal")
    parser.add_argument("--kubeconfig")
    parser.add_argument("--bare", action="store_true", help="measure the yardstick of benchmarks/bare.py")
    parser.add_argument("--singles", type=int, default=30)
    parser.add_argument("--burst", type=int, default=100)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kubeconfig = options.kubeconfig or str(stack.enter_context(RealCluster()).kubeconfig)
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(lambda: [process.terminate() or process.wait() for process in processes])
        address = options.temporal
        if not address:
            address = f"127.0.0.1:{free_port()}"
            processes.append(start_dev_server(address, folder))
        asyncio.run(_prepare(kubeconfig))
        env = {**os.environ, "AIRUNWAY_TEMPORAL_ADDRESS": address, "AIRUNWAY_KUBECONFIG": kubeconfig}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.bare" if options.bare else "benchmarks.control_plane"],
                env=env,
            )
        )
        asyncio.run(measure(kubeconfig, options.singles, options.burst))


def start_dev_server(address: str, folder: Path) -> subprocess.Popen[bytes]:
    host, port = address.split(":")
    binary = shutil.which("temporal", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert binary, "no `temporal` binary: install the `sandbox` extra"
    log = (folder / "temporal.log").open("wb")
    return subprocess.Popen(
        [
            *(binary, "server", "start-dev", "--ip", host, "--port", port, "--headless"),
            *("--db-filename", str(folder / "temporal.db"), "--log-level", "error"),
        ],
        stdout=log,
        stderr=log,
    )


async def _prepare(kubeconfig: str) -> None:
    async with await Cluster.connect(kubeconfig) as cluster:
        await prepare(cluster)


def cpu_seconds() -> dict[str, float]:
    """Processor time so far of every process below this one, by command."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents, times, names = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
            command = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        pid = int(entry.name)
        parents[pid], times[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / ticks
        names[pid] = "control plane" if CONTROL_PLANES & set(command) else Path(command[0]).name
    total: dict[str, float] = {}
    for pid, seconds in times.items():
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            name = "benchmark" if pid == os.getpid() else names[pid]
            total[name] = total.get(name, 0.0) + seconds
    return total


def control_plane_mib() -> float:
    """Resident memory of the control plane's process; 0 when there is none."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and CONTROL_PLANES & set((entry / "cmdline").read_text().split("\0")):
                pages = int((entry / "statm").read_text().split()[1])
                return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def print_cpu(before: dict[str, float], after: dict[str, float], deployments: int) -> None:
    for name, seconds in sorted(after.items(), key=lambda item: -item[1]):
        each = (seconds - before.get(name, 0)) / deployments * 1000
        print(f"  processor time per deployment, {name}: {each:.0f} ms")


if __name__ == "__main__":
    main()
