"""Telling the life of one deployment: which sources there are, and following it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kubernetes.aio.config import ConfigException
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api.names import DEPLOYMENT_KIND
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.formats import HistoryFormat
from airunway.cli.history.fetch import Run, journal_of, lines_of_run, runs_of, runs_that_took_part
from airunway.cli.history.line import HistoryLine, Source
from airunway.cli.history.merge import NothingTwice, Streams, listed
from airunway.cli.history.printing import Printer
from airunway.cli.history.run_reader import Joined, RunReader
from airunway.cli.history.sources import event_lines, journal_lines
from airunway.cli.options import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import DEPLOYMENTS, EVENTS, Cluster
from airunway.messages.refs import DeploymentRef
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings

POLL_SECONDS = 3.0
OVERLAP = timedelta(minutes=1)
"""Looked at again at each poll: visibility and Events come late."""
EVENTS_PER_PAGE = 500
_FORGOTTEN = "Temporal has no history of it (any more: retention decides how long it keeps one)"


@dataclass
class Sources:
    """Where a deployment's life is told, and what was found there."""

    client: Client
    ref: DeploymentRef
    cluster: Cluster | None
    """None: its API server does not answer, or is not named."""
    runs_found: int = 0
    notes: list[str] = field(default_factory=list)
    """What a person should know about what is told."""

    async def lines(self, since: datetime | None) -> AsyncIterator[HistoryLine]:
        """Everything since then, in the order of time, each happening once."""
        streams, once = Streams(), NothingTwice()
        workflow_id = self.ref.workflow_id
        runs = await runs_of(self.client, workflow_id, since=since)
        self.runs_found = len(runs)
        entries, is_current = await journal_of(self.client, workflow_id, runs)
        if not is_current:
            self.note(
                "no worker answers, so the workflow's own journal is as old as its last run; "
                "histories and Events are not"
            )
        joined = _JoinedStreams(self.client, streams)
        streams.add(listed(journal_lines(entries, workflow_id)))
        streams.add(listed(event_lines(await self._events(), self.ref.name)))
        streams.add(self._of_runs(runs, joined))
        async for line in streams.lines():
            for ready in once.put(line):
                if since is None or ready.time >= since:
                    yield ready
        for ready in once.rest():
            if since is None or ready.time >= since:
                yield ready

    async def _of_runs(self, runs: list[Run], joined: _JoinedStreams) -> AsyncIterator[HistoryLine]:
        told: frozenset[str] = frozenset()
        for run in runs:
            lines = lines_of_run(self.client, run, Source.HISTORY, after=joined.look, told_runs=told)
            async for line in lines:
                yield line
            told |= {run.run_id}

    async def _events(self) -> list[dict[str, object]]:
        if self.cluster is None:
            return []
        selector = f"involvedObject.kind={DEPLOYMENT_KIND},involvedObject.name={self.ref.name}"
        try:
            found = await self.cluster.listing(
                EVENTS, namespace=self.ref.namespace, field_selector=selector, limit=EVENTS_PER_PAGE
            )
        except ClientError as err:
            self.note(f"Events cannot be read: {str(err).splitlines()[0]}")
            return []
        return found.items

    def note(self, text: str) -> None:
        """Say it, once."""
        if text not in self.notes:
            self.notes.append(text)
            output.note(text)


class _JoinedStreams:
    """Adds the histories of images and installations as soon as a run tells that it joined them."""

    def __init__(self, client: Client, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._seen: set[str] = set()
        """Runs that are told already: who joins twice joins the same."""

    def look(self, reader: RunReader) -> None:
        """Take what a reader has found."""
        while reader.joined:
            self._streams.add(self._lines(reader.joined.pop()))

    async def _lines(self, joined: Joined) -> AsyncIterator[HistoryLine]:
        source = Source.IMAGE if joined.workflow_id.startswith("image/") else Source.INSTALLATION
        for run in await runs_that_took_part(self._client, joined):
            if run.run_id in self._seen:
                continue
            told = frozenset(self._seen)
            self._seen.add(run.run_id)
            async for line in lines_of_run(self._client, run, source, told_runs=told):
                yield line


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
        sources = Sources(client=await temporal_client(settings), ref=ref, cluster=cluster)
        printer = Printer(form)
        printer.begin()
        recent = await _print_all(sources, printer, since, Recent())
        printer.end()
        await _say_what_is_known(sources, printer, since)
        while follow:
            await asyncio.sleep(POLL_SECONDS)
            since = max(since or recent.newest, recent.newest - OVERLAP)
            try:
                recent = await _print_all(sources, printer, since, recent)
            except (RPCError, OSError) as err:
                sources.note(f"Temporal does not answer; trying again: {str(err).splitlines()[0]}")
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


async def _print_all(sources: Sources, printer: Printer, since: datetime | None, recent: Recent) -> Recent:
    async for line in sources.lines(since):
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


async def _say_what_is_known(sources: Sources, printer: Printer, since: datetime | None) -> None:
    ref, cluster = sources.ref, sources.cluster
    exists = cluster is not None and await cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
    if not sources.runs_found and not exists and not printer.count and since is None:
        raise CliError(
            f"nothing is known of {DEPLOYMENT_KIND} {ref}: it is not in the cluster, and {_FORGOTTEN}"
        )
    if not sources.runs_found and since is None:
        output.note(f"{_FORGOTTEN}; these are Events")
    elif not printer.count:
        output.note("nothing has happened since then")
    elif cluster is not None and not exists:
        output.note(
            f"{DEPLOYMENT_KIND} {ref} is not in the cluster any more; this is what Temporal keeps of it"
        )
