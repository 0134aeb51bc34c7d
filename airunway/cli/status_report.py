"""The work of `airunway status` for a cluster: read deployments, look at their workflows, print a list.

This is the way of every cluster and every Temporal; what is plain goes the quick one (`quick`). What only
some lists need is loaded by those: it is the loading that a person waits for.
"""

from __future__ import annotations

import asyncio
from functools import partial

from temporalio.service import RPCError

from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for, settings_for_a_look
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.status_list import print_list
from airunway.cli.temporal import Visibility, visibility
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.fleet_troubles import Troubles, paused_among, workflow_troubles
from airunway.console.workflow_states import open_states
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.command_settings import CommandSettings
from airunway.workers.temporal.target import target_of

STATES_SECONDS = 10.0
"""Time that the answer of visibility may take."""


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
    named, target = settings.cluster, target_of(settings)
    print_list(found, troubles, cluster=named, namespace=namespace, form=form, target=target)


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
        paused = paused_among(found)
        try:
            async with asyncio.timeout(STATES_SECONDS):
                return {**paused, **await self._of(found, namespace)}
        except (CliError, RPCError, TimeoutError) as err:
            self._say(f"their workflows are not shown: {str(err) or 'Temporal does not answer'}")
            return paused

    async def _of(self, found: list[Object], namespace: str | None) -> Troubles:
        if not found:
            return {}
        if self._asked is None:
            self._asked = await visibility(self._settings)
        find = partial(open_states, self._asked)
        return await workflow_troubles(found, find, cluster=self._settings.cluster, namespace=namespace)

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            output.note(text)
