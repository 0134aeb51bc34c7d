"""`airunway status --all-clusters`: deployments of every cluster on this Temporal, from its visibility alone.

No cluster is asked, so it works without any kubeconfig. What is shown is what each workflow said of its
deployment by search attributes, some seconds late.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.cli import output
from airunway.cli.cluster import settings_for
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.temporal import temporal_client
from airunway.console.links import filter_links
from airunway.console.queries import deployments_query, literal
from airunway.console.rows import age
from airunway.console.workflow_state import WorkflowState, last_closed, trouble
from airunway.console.workflow_states import open_states
from airunway.messages.search_attributes import ENGINE, MODEL, PHASE, PROVIDER, SEARCH_ATTRIBUTES
from airunway.workers.temporal.search_attributes import creation_command
from airunway.workers.temporal.target import target_of

CLOSED_BY_HAND = "ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut')"


@dataclass(frozen=True, kw_only=True)
class FleetRow:
    """One deployment of one cluster."""

    cluster: str
    namespace: str
    name: str
    phase: str
    model: str
    engine: str
    provider: str
    since: str
    """When the present run began, RFC 3339."""
    workflow: str
    """What is the matter with its workflow; empty: nothing."""


async def report_fleet(cluster: str, *, form: OutputFormat, where: Where) -> None:
    """Print it. `cluster` empty: of every cluster."""
    settings = settings_for(where, needs_cluster=False)
    client = await temporal_client(settings)
    rows = await fleet(client, cluster)
    if not form.is_table:
        names = [f"{row.cluster}/{row.namespace}/{row.name}" for row in rows]
        output.data({"items": [asdict(row) for row in rows]}, form, names=names)
    elif rows:
        _print(rows)
    else:
        output.note(f"no workflow of a deployment in {f'cluster {cluster}' if cluster else 'any cluster'}")
    await _say_what_is_missing(client)
    target = target_of(settings)
    if form.is_table and sys.stdout.isatty():
        for name in sorted({row.cluster for row in rows}):
            for label, link in filter_links(target, name):
                output.note(f"{name}, {label}: {link}")


async def fleet(client: Client, cluster: str) -> list[FleetRow]:
    """Every deployment with a workflow that runs, or that was closed by hand and is not back."""
    prefix = f"modeldeployment/{cluster}/" if cluster else ""
    states = [state async for state in open_states(client, deployments_query(id_prefix=prefix))]
    states += await _not_back(client, prefix, {state.workflow_id for state in states})
    now = datetime.now(UTC)
    rows = [row for row in (_row(state, now) for state in states) if row is not None]
    return sorted(rows, key=lambda row: (row.cluster, row.namespace, row.name))


async def _not_back(client: Client, prefix: str, running: set[str]) -> list[WorkflowState]:
    query = f"{deployments_query(id_prefix=prefix, only_open=False)} AND {CLOSED_BY_HAND}"
    ids = {state.workflow_id async for state in open_states(client, query)} - running
    latest = await last_closed(partial(open_states, client), sorted(ids))
    # One that completed afterwards was deleted in order.
    return [state for state in latest.values() if state.status != "completed"]


def _row(state: WorkflowState, now: datetime) -> FleetRow | None:
    parts = state.workflow_id.split("/", 3)
    if len(parts) != 4:
        return None
    _, cluster, namespace, name = parts
    said = state.attributes
    return FleetRow(
        cluster=cluster,
        namespace=namespace,
        name=name,
        phase=said.get(PHASE.name, ""),
        model=said.get(MODEL.name, ""),
        engine=said.get(ENGINE.name, ""),
        provider=said.get(PROVIDER.name, ""),
        since=f"{state.started_at:%Y-%m-%dT%H:%M:%SZ}",
        workflow=trouble(state, now=now),
    )


def _print(rows: Sequence[FleetRow]) -> None:
    troubled = any(row.workflow for row in rows)
    headings = ["CLUSTER", "NAMESPACE", "NAME", "PHASE", "MODEL", "ENGINE", "PROVIDER", "RUN"]
    table = output.plain_table(*headings, *(["WORKFLOW"] if troubled else []))
    for row in rows:
        cells = [row.cluster, row.namespace, row.name, row.phase, row.model, row.engine, row.provider]
        table.add_row(*cells, age(row.since), *([row.workflow] if troubled else []))
    output.console().print(table)


async def missing_search_attributes(client: Client) -> list[str]:
    """Those of ours that the namespace lacks. Raises RPCError."""
    names = [key.name for key in SEARCH_ATTRIBUTES]
    known = await asyncio.gather(*(_is_known(client, name) for name in names))
    return [name for name, there in zip(names, known, strict=True) if not there]


async def _say_what_is_missing(client: Client) -> None:
    missing = await missing_search_attributes(client)
    if missing:
        output.note(
            f"the Temporal namespace lacks the search attributes {', '.join(missing)}, so these columns stay "
            f"empty; add them: {creation_command(client.namespace, missing)}"
        )


async def _is_known(client: Client, name: str) -> bool:
    query = f"{name} = {literal('airunway-is-it-there')}"
    request = CountWorkflowExecutionsRequest(namespace=client.namespace, query=query)
    try:
        await client.workflow_service.count_workflow_executions(request)
    except RPCError as err:
        if err.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True
