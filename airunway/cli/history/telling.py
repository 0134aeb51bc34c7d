"""Telling the life of one deployment, and following it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.service import RPCError

from airunway.api.names import DEPLOYMENT_KIND
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.formats import HistoryFormat
from airunway.cli.history.printing import Printer
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.clients.kubernetes.library import ConfigException
from airunway.console.history.life import DeploymentLife
from airunway.console.history.line import HistoryLine
from airunway.messages.refs import DeploymentRef
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings

POLL_SECONDS = 3.0
OVERLAP = timedelta(minutes=1)
"""Looked at again at each poll: visibility and Events come late."""
_FORGOTTEN = "Temporal has no history of it (any more: retention decides how long it keeps one)"


async def tell(
    *,
    namespace: str | None,
    name: str,
    form: HistoryFormat,
    since: datetime | None,
    follow: bool,
    where: Where,
) -> None:
    """Print it, and with `follow` what comes until cancelled. Raises CliError when nobody knows anything."""
    settings = settings_for(where, needs_cluster=not Settings().cluster)
    cluster = await _cluster(settings)
    try:
        if not settings.cluster:
            if cluster is None:
                raise CliError(
                    "the API server does not answer, so this cluster's name is not known: "
                    "set AIRUNWAY_CLUSTER to the name that its workers log"
                )
            settings = await with_cluster_name(settings, cluster)
        ref = DeploymentRef(cluster=settings.cluster, namespace=namespace_for(settings, namespace), name=name)
        life = DeploymentLife(
            client=await temporal_client(settings), ref=ref, cluster=cluster, on_note=output.note
        )
        printer = Printer(form)
        printer.begin()
        recent = await _print_all(life, printer, since, Recent())
        printer.end()
        await _say_what_is_known(life, printer, since)
        while follow:
            await asyncio.sleep(POLL_SECONDS)
            since = max(since or recent.newest, recent.newest - OVERLAP)
            try:
                recent = await _print_all(life, printer, since, recent)
            except (RPCError, OSError) as err:
                life.note(f"Temporal does not answer; trying again: {str(err).splitlines()[0]}")
            printer.flush()
    finally:
        if cluster is not None:
            await cluster.close()


class Recent:
    """What was printed in the last minutes, so that nothing is printed again."""

    def __init__(self) -> None:
        self.newest = datetime.now(UTC)
        self._known: dict[tuple[str, ...], datetime] = {}

    def is_new(self, line: HistoryLine) -> bool:
        """Whether it was not printed yet; from now on it was."""
        if line.identity in self._known:
            return False
        self._known[line.identity] = line.time
        return True

    def forget_old(self) -> None:
        """Keep what the next poll may find again."""
        self.newest = datetime.now(UTC)
        oldest = self.newest - 3 * OVERLAP
        self._known = {key: time for key, time in self._known.items() if time >= oldest}


async def _print_all(
    life: DeploymentLife, printer: Printer, since: datetime | None, recent: Recent
) -> Recent:
    async for line in life.lines(since):
        if recent.is_new(line):
            printer.line(line)
    recent.forget_old()
    return recent


async def _cluster(settings: Settings) -> Cluster | None:
    """The cluster, if it answers: what Temporal knows is told without it."""
    try:
        cluster = await Cluster.connect(settings.kubeconfig, context=settings.context)
    except (ConfigException, OSError) as err:
        output.note(f"Events are not told: no cluster is named ({str(err).splitlines()[0]})")
        return None
    try:
        await cluster.discovery.server_version()
    except (ClientError, OSError) as err:
        await cluster.close()
        output.note(f"Events are not told: {str(err).splitlines()[0]}")
        return None
    return cluster


async def _say_what_is_known(life: DeploymentLife, printer: Printer, since: datetime | None) -> None:
    ref, cluster = life.ref, life.cluster
    exists = cluster is not None and await cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
    if not life.runs_found and not exists and not printer.count and since is None:
        raise CliError(
            f"nothing is known of {DEPLOYMENT_KIND} {ref}: it is not in the cluster, and {_FORGOTTEN}"
        )
    if not life.runs_found and since is None:
        output.note(f"{_FORGOTTEN}; these are Events")
    elif not printer.count:
        output.note("nothing has happened since then")
    elif cluster is not None and not exists:
        output.note(
            f"{DEPLOYMENT_KIND} {ref} is not in the cluster any more; this is what Temporal keeps of it"
        )
