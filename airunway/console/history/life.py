"""The life of one deployment: every source that remembers it, in the order of time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from temporalio.client import Client

from airunway.api.names import DEPLOYMENT_KIND
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import EVENTS, Cluster
from airunway.console.history.fetch import Run, journal_of, lines_of_run, runs_of, runs_that_took_part
from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.merge import NothingTwice, Streams, listed
from airunway.console.history.run_reader import Joined, RunReader
from airunway.console.history.sources import event_lines, journal_lines
from airunway.messages.refs import DeploymentRef

EVENTS_PER_PAGE = 500


@dataclass
class DeploymentLife:
    """Where a deployment's life is told, and what was found there."""

    client: Client
    ref: DeploymentRef
    cluster: Cluster | None
    """None: its API server does not answer, or is not named."""
    on_note: Callable[[str], None] = lambda text: None
    """Is told each note, once."""
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
            self.on_note(text)


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
            async for line in lines_of_run(self._client, run, source, after=self.look, told_runs=told):
                yield line
