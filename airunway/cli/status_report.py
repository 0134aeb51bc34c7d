"""The work of `airunway status` for a cluster: read deployments, look at their workflows, print a list."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta

from rich.console import Group
from rich.live import Live
from rich.table import Table
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api.names import PAUSED, deployment_workflow_id, is_paused
from airunway.cli import output
from airunway.cli.build_progress import Builds, bars
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.formats import OutputFormat
from airunway.cli.options import Where
from airunway.cli.problems import CliError
from airunway.cli.status_detail import report_one
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.links import deployments_query, filter_links
from airunway.console.rows import age, deployment_resource, deployment_row
from airunway.console.workflow_states import WorkflowState, last_closed, open_states, trouble
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of

REFRESH_SECONDS = 1.0
STATES_EVERY_SECONDS = 5.0
STATES_SECONDS = 10.0
"""Time that the answer of visibility may take."""
NEW = timedelta(seconds=30)
"""A deployment so young may lack a workflow: the watcher and visibility come a little later."""

Trouble = dict[tuple[str, str], str]
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
    settings = settings_for(where)
    namespace = None if everywhere else namespace_for(settings, namespace)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        settings = await with_cluster_name(settings, cluster)
        if watch:
            await _watch(cluster, settings, namespace, name, wide=form is OutputFormat.WIDE)
        elif name is None:
            await _list(cluster, settings, namespace, form)
        else:
            await report_one(cluster, settings, namespace or "default", name, form)


async def _list(cluster: Cluster, settings: Settings, namespace: str | None, form: OutputFormat) -> None:
    found = await _find(cluster, namespace, None)
    troubles = await _Workflows(settings).troubles(found, namespace)
    if not form.is_table:
        named = {f"{key[0]}/{key[1]}": words for key, words in troubles.items()}
        resources = [deployment_resource(obj["metadata"]["name"]) for obj in found]
        said = {"cluster": settings.cluster, "items": found, "workflows": named}
        output.data(said, form, names=resources)
        return
    if found:
        output.console().print(_table(found, troubles, wide=form is OutputFormat.WIDE))
    else:
        output.note(f"no ModelDeployment in {f'namespace {namespace}' if namespace else 'any namespace'}")
    output.note(f"cluster {settings.cluster}")
    if sys.stdout.isatty():
        providers = sorted({row.provider for row in map(deployment_row, found) if row.provider})
        for label, link in filter_links(target_of(settings), settings.cluster, providers=providers):
            output.note(f"{label} in Temporal's UI: {link}")


async def _watch(
    cluster: Cluster, settings: Settings, namespace: str | None, name: str | None, *, wide: bool
) -> None:
    if not sys.stdout.isatty():
        return await _print_changes(cluster, namespace, name)
    console, builds, workflows = output.console(), Builds(settings), _Workflows(settings)
    troubles, asked = Trouble(), -STATES_EVERY_SECONDS
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found = await _find(cluster, namespace, name)
            if time.monotonic() - asked >= STATES_EVERY_SECONDS:
                troubles, asked = await workflows.troubles(found, namespace), time.monotonic()
            live.update(Group(_table(found, troubles, wide=wide), bars(await builds.of(found))), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)


async def _print_changes(cluster: Cluster, namespace: str | None, name: str | None) -> None:
    """For a pipe: a line for each deployment, and one whenever what is said of it changes."""
    said: dict[tuple[str, str], str] = {}
    while True:
        now = {_key(obj): _in_a_line(obj) for obj in await _find(cluster, namespace, name)}
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


async def _find(cluster: Cluster, namespace: str | None, name: str | None) -> list[Object]:
    listing = await cluster.listing(DEPLOYMENTS, namespace=namespace)
    return [obj for obj in listing.items if name in (None, obj["metadata"]["name"])]


class _Workflows:
    """Asks visibility; without Temporal the list says what the cluster knows, and that once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._said = ""

    async def troubles(self, found: list[Object], namespace: str | None) -> Trouble:
        """What is the matter with the workflows of these deployments."""
        paused = {_key(obj): "paused" for obj in found if _is_paused(obj)}
        try:
            async with asyncio.timeout(STATES_SECONDS):
                return {**paused, **await self._of(found, namespace)}
        except (CliError, RPCError, TimeoutError) as err:
            self._say(f"their workflows are not shown: {str(err) or 'Temporal does not answer'}")
            return Trouble(paused)

    async def _of(self, found: list[Object], namespace: str | None) -> Trouble:
        if not found:
            return {}
        if self._client is None:
            self._client = await temporal_client(self._settings)
        prefix = f"modeldeployment/{self._settings.cluster}/" + (f"{namespace}/" if namespace else "")
        states: dict[str, WorkflowState] = {}
        async for state in open_states(self._client, deployments_query(id_prefix=prefix)):
            states[state.workflow_id] = state
        ids = {_key(obj): deployment_workflow_id(self._settings.cluster, *_key(obj)) for obj in found}
        now = datetime.now(UTC)
        old = {_key(obj) for obj in found if now - _created(obj, now) > NEW}
        lacking = [ids[key] for key in old if ids[key] not in states]
        if lacking:
            states |= await last_closed(self._client, lacking)
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


def _table(found: list[Object], troubles: Trouble, *, wide: bool = False) -> Table:
    """The column WORKFLOW is there when something is the matter with one."""
    headings = ["NAMESPACE", "NAME", "PHASE", "ENGINE", "PROVIDER", "REPLICAS", "AGE"]
    headings += ["MODEL", "ENDPOINT"] if wide else []
    table = output.plain_table(*headings, *(["WORKFLOW"] if troubles else []), "MESSAGE")
    for obj in found:
        row = deployment_row(obj)
        cells = [row.namespace, row.name, row.phase, row.engine, row.provider, row.replicas, _age(obj)]
        cells += [row.model, row.endpoint] if wide else []
        table.add_row(*cells, *([troubles.get(_key(obj), "")] if troubles else []), row.message)
    return table


def _is_paused(obj: Object) -> bool:
    """By its annotation, or by a command, which the condition tells."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return is_paused(obj["metadata"]) or any(
        entry.get("type") == PAUSED and entry.get("status") == "True" for entry in conditions
    )


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _age(obj: Object) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _created(obj: Object, otherwise: datetime) -> datetime:
    given = obj["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(given) if given else otherwise
