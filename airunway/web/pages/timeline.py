"""The life of a deployment as its page shows it: newest first, image and installation folded in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api.names import image_of_build
from airunway.clients.kubernetes import Cluster
from airunway.console.history.fetch import journal_of, runs_of
from airunway.console.history.life import DeploymentLife
from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.sources import journal_lines
from airunway.messages.refs import DeploymentRef
from airunway.web.pages.timeline_words import RUN_ENDS, who, words_of

RECENT = timedelta(hours=24)
"""How far back histories are read for a page; the journal is told whatever its age."""
MAX_LINES, MAX_LINES_OF_ALL = 200, 2_000
READ_SECONDS, READ_ALL_SECONDS = 8.0, 40.0
_FOLDED = {Source.IMAGE: "The image of its model", Source.INSTALLATION: "The installation of its provider"}


@dataclass(frozen=True)
class TimelineEntry:
    """One happening, or some of another workflow under one head."""

    time: datetime
    source: str
    what: str
    by: str
    message: str
    why: str
    generation: int = 0
    folded: tuple[TimelineEntry, ...] = ()
    """Newest first; not empty: this one is their head."""

    @property
    def stamp(self) -> str:
        """RFC 3339 in UTC, to the second."""
        return self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Timeline:
    """Entries, newest first. `notes`: what a person should know about what is told."""

    entries: list[TimelineEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def folded(lines: Iterable[HistoryLine]) -> list[TimelineEntry]:
    """Lines in the order of time as entries, newest first.

    What an image or an installation went through lies under one head, at the time of its last step, whatever
    the deployment did meanwhile. One that begins after that has ended has a head of its own.
    """
    groups: list[list[HistoryLine]] = []
    under_way: dict[str, list[HistoryLine]] = {}
    """By the workflow that was joined; the build of an image is part of it."""
    for line in lines:
        if line.source not in _FOLDED:
            groups.append([line])
            continue
        joined = image_of_build(line.workflow_id)
        if joined not in under_way:
            groups.append(under_way.setdefault(joined, []))
        under_way[joined].append(line)
        if line.what in RUN_ENDS and line.workflow_id == joined:
            del under_way[joined]
    groups.sort(key=lambda group: group[-1].time)
    return [_entry(group) for group in reversed(groups)]


def _entry(group: list[HistoryLine]) -> TimelineEntry:
    last = group[-1]
    if last.source not in _FOLDED:
        return _plain(last)
    steps = f"{len(group)} steps" if len(group) > 1 else "1 step"
    return TimelineEntry(
        time=last.time,
        source=last.source,
        what=f"{_FOLDED[last.source]}, {steps}",
        by="",
        message=f"{words_of(last.what)}: {last.message}",
        why=last.why,
        folded=tuple(_plain(line) for line in reversed(group)),
    )


def _plain(line: HistoryLine) -> TimelineEntry:
    times = line.details.get("times")
    again = f" ({times} times)" if isinstance(times, int) and times > 1 else ""
    return TimelineEntry(
        time=line.time,
        source=line.source,
        what=words_of(line.what),
        by=who(line.by),
        message=line.message + again,
        why="" if line.why in line.message else line.why,
        generation=line.generation,
    )


async def read_timeline(
    client: Client, ref: DeploymentRef, cluster: Cluster, *, everything: bool
) -> Timeline:
    """The life of a deployment; `everything`: as far back as Temporal keeps it. `cluster`: as the caller."""
    limit, seconds = (MAX_LINES_OF_ALL, READ_ALL_SECONDS) if everything else (MAX_LINES, READ_SECONDS)
    since = None if everything else datetime.now(UTC) - RECENT
    life = DeploymentLife(client=client, ref=ref, cluster=cluster)
    lines: deque[HistoryLine] = deque(maxlen=limit)
    notes: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            if since is not None:
                lines.extend(await _older_journal(client, ref, since))
            async for line in life.lines(since):
                lines.append(line)
    except TimeoutError:
        notes.append(f"reading took longer than {seconds:.0f} s: this is the beginning of what there is")
    except RPCError as err:
        notes.append(f"Temporal does not answer: {str(err).splitlines()[0]}")
    if len(lines) == limit:
        notes.append(
            f"these are the last {limit} lines; `airunway history {ref.name} -n {ref.namespace}` has all"
        )
    return Timeline(folded(lines), [*notes, *life.notes])


async def _older_journal(client: Client, ref: DeploymentRef, since: datetime) -> list[HistoryLine]:
    """What the workflow remembers of the time before."""
    runs = await runs_of(client, ref.workflow_id, since=since)
    entries, _ = await journal_of(client, ref.workflow_id, runs)
    return [line for line in journal_lines(entries, ref.workflow_id) if line.time < since]
