"""`airunway status --watch`: the list kept up to date, with builds; into a pipe a line for each change."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live

from airunway.cli import output
from airunway.cli.build_progress import Builds, bars
from airunway.cli.status_list import fleet_rows
from airunway.cli.status_report import FleetWorkflows, find_deployments
from airunway.clients.kubernetes import Cluster, Object
from airunway.console.fleet_troubles import Troubles, key_of
from airunway.console.rows import deployment_row
from airunway.workers.settings import Settings

REFRESH_SECONDS = 1.0
STATES_EVERY_SECONDS = 5.0


async def watch_list(
    cluster: Cluster, settings: Settings, namespace: str | None, name: str | None, *, wide: bool
) -> None:
    """Keep the list up to date, until cancelled. `name`: only of this deployment."""
    if not sys.stdout.isatty():
        return await _print_changes(cluster, namespace, name)
    console, builds, workflows = output.console(), Builds(settings), FleetWorkflows(settings)
    troubles, asked = Troubles(), -STATES_EVERY_SECONDS
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found = await find_deployments(cluster, namespace, name)
            if time.monotonic() - asked >= STATES_EVERY_SECONDS:
                troubles, asked = await workflows.troubles(found, namespace), time.monotonic()
            headings, rows = fleet_rows(found, troubles, wide=wide)
            table = output.plain_table(*headings)
            for row in rows:
                table.add_row(*row)
            live.update(Group(table, bars(await builds.of(found))), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)


async def _print_changes(cluster: Cluster, namespace: str | None, name: str | None) -> None:
    """For a pipe: a line for each deployment, and one whenever what is said of it changes."""
    said: dict[tuple[str, str], str] = {}
    while True:
        now = {key_of(obj): _in_a_line(obj) for obj in await find_deployments(cluster, namespace, name)}
        gone = {key: "gone" for key in said.keys() - now.keys()}
        for key, words in {**now, **gone}.items():
            if said.get(key) != words:
                output.line(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {'/'.join(key)} {words}", flush=True)
        said = now
        await asyncio.sleep(REFRESH_SECONDS)


def _in_a_line(obj: Object) -> str:
    row = deployment_row(obj)
    words = [row.phase, row.replicas, row.message]
    return " ".join(word for word in words if word)
