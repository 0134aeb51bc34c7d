"""What `airunway versions` asks Temporal for, and prints."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.text import Text
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import core_task_queue
from airunway.cli.cluster import named_settings
from airunway.cli.formats import OutputFormat
from airunway.cli.output import console, data, line, note, plain_table
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.workers.drain import pinned_runs_query
from airunway.workers.settings import Settings
from airunway.workers.version_routing import (
    UNVERSIONED,
    Routing,
    last_polls,
    read_routing,
    set_current,
    set_ramping,
)
from airunway.workers.worker_version import WorkerVersion, deployment_name

UNVERSIONED_WORD = "unversioned"


async def report(*, form: OutputFormat, where: Where) -> None:
    """Print builds and routing."""
    settings, client = await _connect(where)
    deployment = deployment_name(settings)
    routing = await _routing(client, deployment)
    polls = await last_polls(client, deployment, core_task_queue(settings.cluster))
    builds = sorted(routing.builds, key=lambda build: str(build.created), reverse=True)
    runs = await asyncio.gather(
        *(
            client.count_workflows(
                pinned_runs_query(WorkerVersion(deployment, build.build_id, versioned=True))
            )
            for build in builds
        )
    )
    rows = [
        {
            "build": build.build_id,
            "status": build.status,
            "percentage": _percentage(routing, build.build_id),
            "openRuns": count.count,
            "polled": build.build_id in polls,
            "since": build.created.isoformat(timespec="seconds") if build.created else "",
        }
        for build, count in zip(builds, runs, strict=True)
    ]
    if not form.is_table:
        said = {"deployment": deployment, "current": routing.current, "builds": rows}
        data(said, form, names=[f"build/{row['build']}" for row in rows])
        return
    _print_table(deployment, routing, rows)


def _print_table(deployment: str, routing: Routing, rows: list[dict[str, Any]]) -> None:
    table = plain_table("BUILD", "STATUS", "NEW RUNS", "OPEN RUNS", "WORKERS", "SINCE")
    for row in rows:
        share, runs = f"{row['percentage']:.0f}%", str(row["openRuns"])
        missing = Text("none" if row["openRuns"] else "-", style="bold red" if row["openRuns"] else "")
        workers = Text("seen") if row["polled"] else missing
        table.add_row(row["build"], row["status"], share, runs, workers, row["since"])
    console().print(table)
    if routing.current == UNVERSIONED:
        note(f"no build of {deployment} is current: runs begin on workers without versions")


def _percentage(routing: Routing, build_id: str) -> float:
    if build_id == routing.ramping:
        return routing.percentage
    return 100 - routing.percentage if build_id == routing.current else 0.0


async def make_current(build: str, *, where: Where) -> None:
    """Route runs to a build. Raises CliError when there is none of this name."""
    settings, client = await _connect(where)
    deployment = deployment_name(settings)
    if build == UNVERSIONED_WORD:
        await set_current(client, deployment, UNVERSIONED)
        line("runs begin on workers without versions")
        return
    routing = await _known(client, deployment, build)
    if routing.current == build:
        line(f"{build} is current already")
        return
    await set_current(client, deployment, build, token=routing.token)
    line(f"{build} is current; before it: {routing.current or UNVERSIONED_WORD}")


async def make_ramping(build: str, percentage: float, *, where: Where) -> None:
    """Route a share of the runs to a build. Raises CliError when there is none of this name."""
    settings, client = await _connect(where)
    deployment = deployment_name(settings)
    routing = await _known(client, deployment, build)
    if build == routing.current:
        raise CliError(f"{build} is the current build; ramp to another one, or set another one current")
    await set_ramping(client, deployment, build, percentage=percentage)
    words = (
        f"{percentage:g}% of the deployments run on {build}" if percentage else f"nothing ramps to {build}"
    )
    line(f"{words}, the others on {routing.current or UNVERSIONED_WORD}")


async def _known(client: Client, deployment: str, build: str) -> Routing:
    routing = await _routing(client, deployment)
    if routing.build(build) is None:
        there = ", ".join(entry.build_id for entry in routing.builds) or "none"
        raise CliError(f"no worker of build {build} has polled; builds of {deployment}: {there}")
    return routing


async def _routing(client: Client, deployment: str) -> Routing:
    try:
        routing = await read_routing(client, deployment)
    except RPCError as err:
        if err.status is RPCStatusCode.UNIMPLEMENTED:
            raise CliError("this Temporal has no worker versions; they need 1.30 or newer") from err
        raise
    if routing is None:
        raise CliError(
            f"Temporal knows no versioned workers by the name {deployment}: does one run, and with "
            "AIRUNWAY_WORKER_VERSIONING=auto or on?"
        )
    return routing


async def _connect(where: Where) -> tuple[Settings, Client]:
    settings = await named_settings(where)
    return settings, await temporal_client(settings)
