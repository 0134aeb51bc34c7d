"""The work of `airunway status` for a cluster: read deployments, look at their workflows, print a list.

What only some lists need is loaded by those: it is the loading that a person waits for.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from rich.table import Table
from temporalio.service import RPCError

from airunway.api.names import PAUSED, deployment_workflow_id, deployment_workflow_prefix, is_paused
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for, settings_for_a_look
from airunway.cli.formats import OutputFormat
from airunway.cli.options import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import Visibility, visibility
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.queries import deployments_query
from airunway.console.rows import age, deployment_resource, deployment_row
from airunway.console.workflow_states import WorkflowState, last_closed, open_states, trouble
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.command_settings import CommandSettings

STATES_SECONDS = 10.0
"""Time that the answer of visibility may take."""
NEW = timedelta(seconds=30)
"""A deployment so young may lack a workflow: the watcher and visibility come a little later."""

Troubles = dict[tuple[str, str], str]
"""What is the matter with a deployment's workflow, by namespace and name; nothing: not in it."""


async def report(
    namespace: str | None,
    name: str | None,
    *,
    form: OutputFormat,
    watch: bool,
    where: Where,
    everywhere: bool = False,
) -> None:
    """Print once, or until cancelled. `namespace` None: that of the context. `everywhere`: of all."""
    if watch or name is not None:
        await _report_more(namespace, name, form=form, watch=watch, where=where, everywhere=everywhere)
        return
    settings = settings_for_a_look(where)
    namespace = None if everywhere else namespace_for(settings, namespace)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        await _list(cluster, await with_cluster_name(settings, cluster), namespace, form)


async def _report_more(
    namespace: str | None,
    name: str | None,
    *,
    form: OutputFormat,
    watch: bool,
    where: Where,
    everywhere: bool,
) -> None:
    from airunway.cli.status_detail import report_one
    from airunway.cli.status_watch import watch_list

    settings = settings_for(where)
    namespace = None if everywhere else namespace_for(settings, namespace)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        settings = await with_cluster_name(settings, cluster)
        if watch:
            await watch_list(cluster, settings, namespace, name, wide=form is OutputFormat.WIDE)
        elif name is not None:
            await report_one(cluster, settings, namespace or "default", name, form)


async def _list(
    cluster: Cluster, settings: CommandSettings, namespace: str | None, form: OutputFormat
) -> None:
    found = await find_deployments(cluster, namespace, None)
    troubles = await FleetWorkflows(settings).troubles(found, namespace)
    if not form.is_table:
        named = {f"{key[0]}/{key[1]}": words for key, words in troubles.items()}
        resources = [deployment_resource(obj["metadata"]["name"]) for obj in found]
        said = {"cluster": settings.cluster, "items": found, "workflows": named}
        output.data(said, form, names=resources)
        return
    if found:
        output.console().print(fleet_table(found, troubles, wide=form is OutputFormat.WIDE))
    else:
        output.note(f"no ModelDeployment in {f'namespace {namespace}' if namespace else 'any namespace'}")
    output.note(f"cluster {settings.cluster}")
    if sys.stdout.isatty():
        from airunway.console.links import filter_links
        from airunway.workers.temporal.target import target_of

        providers = sorted({row.provider for row in map(deployment_row, found) if row.provider})
        for label, link in filter_links(target_of(settings), settings.cluster, providers=providers):
            output.note(f"{label} in Temporal's UI: {link}")


async def find_deployments(cluster: Cluster, namespace: str | None, name: str | None) -> list[Object]:
    """Those of a namespace, None: of all; `name`: only the one. Raises ApiError."""
    listing = await cluster.listing(DEPLOYMENTS, namespace=namespace)
    return [obj for obj in listing.items if name in (None, obj["metadata"]["name"])]


class FleetWorkflows:
    """Asks visibility; without Temporal the list says what the cluster knows, and that once."""

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._asked: Visibility | None = None
        self._said = ""

    async def troubles(self, found: list[Object], namespace: str | None) -> Troubles:
        """What is the matter with the workflows of these deployments."""
        paused = {key_of(obj): "paused" for obj in found if _is_paused(obj)}
        try:
            async with asyncio.timeout(STATES_SECONDS):
                return {**paused, **await self._of(found, namespace)}
        except (CliError, RPCError, TimeoutError) as err:
            self._say(f"their workflows are not shown: {str(err) or 'Temporal does not answer'}")
            return Troubles(paused)

    async def _of(self, found: list[Object], namespace: str | None) -> Troubles:
        if not found:
            return {}
        if self._asked is None:
            self._asked = await visibility(self._settings)
        prefix = deployment_workflow_prefix(self._settings.cluster) + (f"{namespace}/" if namespace else "")
        states: dict[str, WorkflowState] = {}
        async for state in open_states(self._asked, deployments_query(id_prefix=prefix)):
            states[state.workflow_id] = state
        ids = {key_of(obj): deployment_workflow_id(self._settings.cluster, *key_of(obj)) for obj in found}
        now = datetime.now(UTC)
        old = {key_of(obj) for obj in found if now - _created(obj, now) > NEW}
        lacking = [ids[key] for key in old if ids[key] not in states]
        if lacking:
            states |= await last_closed(self._asked, lacking)
        words = {
            key: trouble(states.get(workflow_id), now=now)
            for key, workflow_id in ids.items()
            if key in old or workflow_id in states
        }
        return {key: text for key, text in words.items() if text}

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            output.note(text)


def fleet_table(found: list[Object], troubles: Troubles, *, wide: bool = False) -> Table:
    """The column WORKFLOW is there when something is the matter with one."""
    headings = ["NAMESPACE", "NAME", "PHASE", "ENGINE", "PROVIDER", "REPLICAS", "AGE"]
    headings += ["MODEL", "ENDPOINT"] if wide else []
    table = output.plain_table(*headings, *(["WORKFLOW"] if troubles else []), "MESSAGE")
    for obj in found:
        row = deployment_row(obj)
        cells = [row.namespace, row.name, row.phase, row.engine, row.provider, row.replicas, _age(obj)]
        cells += [row.model, row.endpoint] if wide else []
        table.add_row(*cells, *([troubles.get(key_of(obj), "")] if troubles else []), row.message)
    return table


def _is_paused(obj: Object) -> bool:
    """By its annotation, or by a command, which the condition tells."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return is_paused(obj["metadata"]) or any(
        entry.get("type") == PAUSED and entry.get("status") == "True" for entry in conditions
    )


def key_of(obj: Object) -> tuple[str, str]:
    """Namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _age(obj: Object) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _created(obj: Object, otherwise: datetime) -> datetime:
    given = obj["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(given) if given else otherwise
