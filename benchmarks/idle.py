"""What deployments cost that run and that nobody touches: events, API calls, memory.

    python -m benchmarks.idle [--deployments 1000] [--minutes 10] [--postgres] [--smoke]

On a real kube-apiserver and Temporal, started for it. Calls are counted from the audit log by who, verb and
resource; what processes do for themselves (Lease, registration of providers) is apart, for it does not grow
with the deployments. Bars: no event in any history, no write for deployments, at most 6 lists in 5 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import tracemalloc
import uuid
from collections import Counter
from typing import Any, cast

from airunway.clients.kubernetes import Cluster
from airunway.clients.reflector import ObjectChange
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.provider.registry import installed_providers
from airunway.workers.audit.fleet import Fleet
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.watcher import Watcher
from benchmarks.audit import Call, is_ours
from benchmarks.processes import cpu_seconds, resident_mib
from benchmarks.settled import SettledFleet, settled_fleet
from benchmarks.stage import CLUSTER, Stage, add_options, stage

MAX_LISTS, LISTS_MINUTES = 6, 5
REGISTRATION = ("inferenceproviderconfigs", "deployments")
"""What a worker reads for each provider that it serves: its config, and whether its operator is up."""
MARKS_COUNTED = 10_000


async def run(on: Stage, options: argparse.Namespace) -> bool:
    """All of it; whether the bars were met."""
    async with settled_fleet(on, options.deployments, providers=options.provider or ()) as fleet:
        print(f"{options.deployments} deployments run; waiting until all is quiet", flush=True)
        before = await fleet.until_quiet()
        begin = await asyncio.to_thread(on.audit.mark)
        spent = cpu_seconds()
        await asyncio.sleep(options.minutes * 60)
        end = await asyncio.to_thread(on.audit.mark)
        spent = {name: seconds - spent.get(name, 0) for name, seconds in cpu_seconds().items()}
        after = await fleet.positions()
        _show_processes(fleet, spent, options.minutes)
    calls = on.audit.calls(begin, end)
    return _show(before, after, calls, options.minutes)


def _show_processes(fleet: SettledFleet, spent: dict[str, float], minutes: float) -> None:
    for process in (fleet.worker, fleet.watcher):
        print(f"{process.name}: {resident_mib(process.pid):.0f} MiB resident")
    shown = ", ".join(f"{name} {seconds / minutes:.1f} s" for name, seconds in sorted(spent.items()))
    print(f"processor time per minute: {shown}")


def _show(
    before: dict[str, tuple[str, int]],
    after: dict[str, tuple[str, int]],
    calls: Counter[Call],
    minutes: float,
) -> bool:
    """Print what happened although nothing did; whether the bars were met."""
    events = sum(
        length - before[name][1] if run == before[name][0] else length
        for name, (run, length) in after.items()
    )
    changed = sum(after[name] != before[name] for name in after)
    print(f"in {minutes:g} minutes: {events} events in the histories of {changed} deployments (bar: 0)")
    writes = lists = 0
    for call, count in sorted(calls.items()):
        if not call.agent.startswith("airunway"):
            continue
        for_deployments = is_ours(call) and call.resource not in REGISTRATION
        writes += count if for_deployments and call.is_write else 0
        lists += count if for_deployments and call.verb == "list" else 0
        apart = "" if for_deployments else "  (for the process itself)"
        print(f"  {count:6} {call.agent} {call.verb} {call.resource}{apart}")
    per = lists * LISTS_MINUTES / minutes
    print(
        f"{writes} writes for deployments (bar: 0); {per:.1f} lists in {LISTS_MINUTES} min (bar: {MAX_LISTS})"
    )
    return events == 0 and writes == 0 and per <= MAX_LISTS


# -- memory of the watcher ------------------------------------------------------------------------------


class Silent(SignalQueue):
    """Takes hints and sends nothing."""

    def put(self, ref: DeploymentRef, hint: ChangeHint, *, urgent: bool = True) -> None:
        """Drop it."""


def objects(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A deployment and its Workspace, as a watch brings them."""
    uid, name = str(uuid.uuid4()), f"deployment-{number}"
    meta = {"name": name, "namespace": "team", "generation": 1, "resourceVersion": str(number)}
    owner = {"kind": "ModelDeployment", "name": name, "uid": uid, "controller": True}
    status = {"provider": {"name": "kaito"}, "phase": "Running"}
    labels = {"airunway.ai/deployment": name}
    return (
        {"metadata": {**meta, "uid": uid}, "spec": {"model": {"id": "o/m"}}, "status": status},
        {
            "apiVersion": "kaito.sh/v1beta1",
            "kind": "Workspace",
            "metadata": {**meta, "uid": str(uuid.uuid4()), "labels": labels, "ownerReferences": [owner]},
            "resource": {"count": 1},
            "status": {"state": "Ready"},
        },
    )


async def bytes_of_marks(count: int) -> float:
    """Memory of each deployment in the watcher: marks of it and of its upstream object."""
    kaito = installed_providers()["kaito"]
    watcher = Watcher(
        cast(Cluster, None),
        {"kaito": kaito},
        Silent(cast(Any, None), at_once=1),
        cluster_name=CLUSTER,
        fleet=Fleet(providers=frozenset({"kaito"})),
    )
    deployments = watcher._deployments
    workspaces = next(entry for entry in watcher._upstream if entry._kind.plural == "workspaces")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        deployment, workspace = objects(number)
        deployments._notify(ObjectChange("set", deployment))
        workspaces._notify(ObjectChange("set", workspace))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / count


def main() -> int:
    """Measure; status 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--deployments", type=int, default=1_000, help="how many (1000)")
    parser.add_argument("--minutes", type=float, default=10, help="how long they are left alone (10)")
    parser.add_argument("--provider", action="append", help="serve only this one; again for more (all)")
    parser.add_argument("--smoke", action="store_true", help="20 deployments for half a minute")
    options = parser.parse_args()
    if options.smoke:
        options.deployments, options.minutes = 20, 0.5
    kib = asyncio.run(bytes_of_marks(MARKS_COUNTED)) / 1024
    print(f"{MARKS_COUNTED} idle deployments: {kib:.1f} KiB each in the watcher")
    with stage(postgres=options.postgres) as on:
        return 0 if asyncio.run(run(on, options)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
