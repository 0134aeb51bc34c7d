"""How long it takes in the sandbox from a deployment that runs to one that requests reach by its Gateway.

    python -m benchmarks.gateway [--count 10]

One after the other is deployed in a sandbox whose pods are instant. Prints, as median and worst, when after
`Running` each step was seen: its route is there, the Gateway's controller accepts it, the endpoint picker is
up, the condition `GatewayReady` is True; and the first request that is answered after that. The bar is a
median of 0.3 s between the last of what the Gateway's side does and `GatewayReady`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, Kind, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.console.calling import is_reachable
from airunway.gateway.naming import LABEL_PUBLISHES
from airunway.sandbox.gateway.state import ROUTES
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker

BAR_SECONDS = 0.3
PATIENCE_SECONDS = 120.0
STEPS = ("running", "route", "accepted", "picker", "ready")


class Seen:
    """When each step of each deployment was seen first."""

    def __init__(self) -> None:
        self.at: dict[str, dict[str, float]] = {}
        self.used: dict[str, dict[str, float]] = {}
        """Seconds of a processor that everything but Temporal had used by then."""
        self.urls: dict[str, Mapping[str, Any]] = {}
        self._changed = asyncio.Event()

    def note(self, change: ObjectChange) -> None:
        """Of a deployment, a route, or an endpoint picker."""
        name = change.object["metadata"]["name"].removesuffix("-epp")
        for step in _steps_of(change.object):
            self.at.setdefault(name, {}).setdefault(step, time.monotonic())
            self.used.setdefault(name, {}).setdefault(step, time.process_time())
        if is_reachable(change.object):
            self.urls[name] = change.object["status"]["gateway"]
        self._changed.set()

    async def until_ready(self, name: str) -> dict[str, float]:
        """Wait for the last step; answers them all."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not set(STEPS) <= set(self.at.get(name, {})):
                self._changed.clear()
                await self._changed.wait()
        return self.at[name]


def _steps_of(obj: Object) -> Iterator[str]:
    status = obj.get("status") or {}
    if "parentRefs" in obj["spec"]:
        yield "route"
        said = [one for parent in status.get("parents") or [] for one in parent["conditions"]]
        if said and all(one["status"] == "True" for one in said):
            yield "accepted"
    elif LABEL_PUBLISHES in (obj["metadata"].get("labels") or {}):
        if status.get("availableReplicas"):
            yield "picker"
    else:
        if status.get("phase") == "Running":
            yield "running"
        if is_reachable(obj):
            yield "ready"


def deployment(name: str) -> Object:
    """One that the provider vllm serves by a Deployment."""
    spec = {
        "model": {"id": f"acme/{name}", "servedName": name},
        "provider": {"name": "vllm"},
        "engine": {"type": "vllm"},
        "resources": {"gpu": {"count": 1}},
    }
    meta = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": meta,
        "spec": spec,
    }


async def call(gateway: Mapping[str, Any]) -> float:
    """Ask until it is answered; when that was."""
    body = {"model": gateway["modelName"], "messages": []}
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with session.post(f"{gateway['url']}/v1/chat/completions", json=body) as answer:
                if answer.status == 200:
                    return time.monotonic()


async def measure(sandbox: Sandbox, count: int) -> dict[str, list[float]]:
    """Seconds after `Running` of each step, for each deployment; `own` is our part of the last one.

    "own CPU": how much of a processor that took, which a busy machine does not change.
    """
    seen = Seen()
    kinds: list[tuple[Kind, str]] = [(DEPLOYMENTS, ""), (ROUTES, ""), (APPS_DEPLOYMENTS, LABEL_PUBLISHES)]
    following = [
        asyncio.create_task(Reflector(sandbox.cluster, kind, seen.note, label_selector=label).run())
        for kind, label in kinds
    ]
    taken: dict[str, list[float]] = {step: [] for step in (*STEPS[1:], "answered", "own", "own CPU")}
    for number in range(count):
        name = f"m{number}"
        await sandbox.cluster.create(DEPLOYMENTS, deployment(name), namespace="default")
        at = dict(await seen.until_ready(name))
        at["answered"] = await call(seen.urls[name])
        last = max(("running", "accepted", "picker"), key=lambda step: at[step])
        taken["own"].append(at["ready"] - at[last])
        taken["own CPU"].append(seen.used[name]["ready"] - seen.used[name][last])
        for step in (*STEPS[1:], "answered"):
            taken[step].append(at[step] - at["running"])
        await sandbox.cluster.delete(DEPLOYMENTS, name, namespace="default")  # there are few GPUs
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return taken


async def run(count: int) -> bool:
    """Print it; whether the bar was met."""
    async with Sandbox(timing=Timing.instant(), headless=True, gateway=True) as sandbox:
        await apply_own_crds(sandbox.cluster)
        settings = Settings(
            temporal_address=sandbox.temporal.address,
            kubeconfig=sandbox.kubeconfig,
            registry_mirrors={"docker.io": sandbox.registry.url, "ghcr.io": sandbox.registry.url},
            service_url=sandbox.service_url,
        )
        tasks = [asyncio.create_task(process(settings)) for process in (run_worker, run_watcher)]
        try:
            taken = await measure(sandbox, count)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    for step, times in taken.items():
        print(f"{step:>10}   median {statistics.median(times):6.3f} s   worst {max(times):6.3f} s")
    own = statistics.median(taken["own"])
    print(f"from what the Gateway's side does to GatewayReady: {own:.3f} s (bar: {BAR_SECONDS} s)")
    return own <= BAR_SECONDS


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10, help="deployments, one after the other (10)")
    raise SystemExit(0 if asyncio.run(run(parser.parse_args().count)) else 1)


if __name__ == "__main__":
    main()
