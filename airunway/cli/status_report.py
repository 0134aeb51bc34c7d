"""The work of `airunway status`: read deployments, ask their workflows, print."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import DEPLOYMENT_KIND
from airunway.cli import output
from airunway.cli.build_progress import Builds, bars
from airunway.cli.cluster import settings_for
from airunway.cli.output import OutputFormat
from airunway.cli.problems import CliError
from airunway.cli.rows import deployment_row
from airunway.cli.temporal import temporal_client, workflow_link
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings

QUERY_SECONDS = 5.0
REFRESH_SECONDS = 1.0


async def report(
    namespace: str | None, name: str | None, *, form: OutputFormat, watch: bool, kubeconfig: Path | None
) -> None:
    """Print once, or until cancelled. `namespace` None: of every namespace."""
    settings = settings_for(kubeconfig)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        settings = await with_cluster_name(settings, cluster)
        if watch:
            await _watch(cluster, settings, namespace, name)
        elif name is None:
            await _list(cluster, namespace, form)
        else:
            await _one(cluster, settings, namespace or "default", name, form)


async def _list(cluster: Cluster, namespace: str | None, form: OutputFormat) -> None:
    found = await _find(cluster, namespace, None)
    if form is not OutputFormat.TABLE:
        output.data({"items": found}, form)
    elif found:
        output.console().print(_table(found))
    else:
        output.note(f"no ModelDeployment in {f'namespace {namespace}' if namespace else 'any namespace'}")


async def _watch(cluster: Cluster, settings: Settings, namespace: str | None, name: str | None) -> None:
    console, builds = output.console(), Builds(settings)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found = await _find(cluster, namespace, name)
            live.update(Group(_table(found), bars(await builds.of(found))), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)


async def _find(cluster: Cluster, namespace: str | None, name: str | None) -> list[Object]:
    listing = await cluster.listing(DEPLOYMENTS, namespace=namespace)
    return [obj for obj in listing.items if name in (None, obj["metadata"]["name"])]


def _table(found: list[Object]) -> Table:
    table = output.plain_table(
        "NAMESPACE", "NAME", "PHASE", "ENGINE", "PROVIDER", "REPLICAS", "AGE", "MESSAGE"
    )
    for obj in found:
        row = deployment_row(obj)
        table.add_row(
            row.namespace, row.name, row.phase, row.engine, row.provider, row.replicas, _age(obj), row.message
        )
    return table


async def _one(cluster: Cluster, settings: Settings, namespace: str, name: str, form: OutputFormat) -> None:
    obj = await cluster.find(DEPLOYMENTS, name, namespace=namespace)
    if obj is None:
        raise CliError(f"no {DEPLOYMENT_KIND} {namespace}/{name}")
    workflow_id = DeploymentRef(cluster=settings.cluster, namespace=namespace, name=name).workflow_id
    view, missing = await _view(settings, workflow_id)
    link = workflow_link(settings, workflow_id)
    if form is not OutputFormat.TABLE:
        known = {"id": workflow_id, "link": link, "state": view, "missing": missing}
        workflow = {key: value for key, value in known.items() if value}
        output.data({"deployment": obj, "workflow": workflow}, form)
        return
    _print_one(obj, view, missing, link)


def _print_one(obj: Object, view: dict[str, Any] | None, missing: str, link: str) -> None:
    row, console = deployment_row(obj), output.console()
    status = obj.get("status") or {}
    endpoint = status.get("endpoint") or {}
    rows = [
        ("Deployment", f"{row.namespace}/{row.name}"),
        ("Phase", row.phase),
        ("Message", row.message),
        ("Engine", _with_reason(row.engine, status.get("engine"))),
        ("Provider", _with_reason(row.provider, status.get("provider"))),
        ("Replicas", row.replicas),
        ("Endpoint", f"{endpoint['service']}:{endpoint['port']}" if endpoint.get("service") else ""),
        ("Age", _age(obj)),
        ("Workflow", missing or f"{(view or {}).get('step') or 'running'}"),
        ("In the UI", link),
    ]
    output.facts(console, [(label, value) for label, value in rows if value])
    conditions = output.plain_table("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
    for entry in status.get("conditions") or []:
        conditions.add_row(
            entry["type"],
            entry["status"],
            entry["reason"],
            _since(entry["lastTransitionTime"]),
            entry["message"],
        )
    if conditions.row_count:
        console.print()
        console.print(conditions)


async def _view(settings: Settings, workflow_id: str) -> tuple[dict[str, Any] | None, str]:
    """The workflow's own view, or in one phrase why there is none."""
    try:
        client: Client = await temporal_client(settings)
    except CliError as err:
        return None, str(err)
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            view: dict[str, Any] = await client.get_workflow_handle(workflow_id).query("state")
            return view, ""
    except RPCError as err:
        missing = err.status is RPCStatusCode.NOT_FOUND
        return None, "none" if missing else f"does not answer ({err.message})"
    except TemporalError as err:
        return None, f"does not answer ({str(err).splitlines()[0]})"
    except TimeoutError:
        return None, "does not answer; is a worker running?"


def _with_reason(value: str, status: Any) -> str:
    reason = (status or {}).get("selectedReason")
    return f"{value} ({reason})" if value and reason else value


def _age(obj: Object) -> str:
    return _since(obj["metadata"].get("creationTimestamp", ""))


def _since(timestamp: str) -> str:
    """An age like kubectl's: 45s, 12m, 5h, 3d."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds())
    except ValueError:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"
