"""Runs of workflows and their events from Temporal, and what the workflow itself remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.read_events import read_event
from airunway.console.history.run_reader import Joined, RunReader
from airunway.console.queries import literal
from airunway.console.temporal_errors import is_missing
from airunway.console.workflow_state import WorkflowState
from airunway.console.workflow_states import latest_run, open_states, state_of
from airunway.messages.journal import Journal, JournalEntry

JOURNAL_QUERY = "journal"
ANSWER_SECONDS = 5.0
PAGE_SIZE = 500  # events: some hundred kilobytes
JOIN_SLACK = timedelta(minutes=1)
"""A workflow that a step joined has begun by then."""
_CONTINUED = "continued_as_new"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a workflow, as visibility lists it."""

    workflow_id: str
    run_id: str
    started_at: datetime
    closed_at: datetime | None = None
    is_continued: bool = False
    """It ended by beginning the next one."""


async def runs_of(client: Client, workflow_id: str, *, since: datetime | None = None) -> list[Run]:
    """The retained runs that had not ended before `since`, oldest first."""
    query = f"WorkflowId = {literal(workflow_id)}"
    if since is not None:
        ended = f"CloseTime >= '{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
        query += f" AND (ExecutionStatus = 'Running' OR {ended})"
    runs = {state.run_id: _run(state) async for state in open_states(client, query)}
    newest = await _newest(client, workflow_id)
    if newest is not None and (since is None or newest.closed_at is None or newest.closed_at >= since):
        runs[newest.run_id] = newest  # visibility is a second behind
    return sorted(runs.values(), key=lambda run: run.started_at)


async def lines_of_run(
    client: Client,
    run: Run,
    source: Source,
    *,
    after: Callable[[RunReader], None] | None = None,
    told_runs: frozenset[str] = frozenset(),
) -> AsyncIterator[HistoryLine]:
    """The lines of one run, page by page. `after`: is given the reader after each event.

    What a reset copied from one of `told_runs` is left out.

    A run that Temporal forgot meanwhile has none.
    """
    reader = RunReader(run.workflow_id, run.run_id, source, told_runs=told_runs)
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    try:
        async for event in handle.fetch_history_events(page_size=PAGE_SIZE):
            for line in reader.read(await read_event(event, client.data_converter)):
                yield line
            if after is not None:
                after(reader)
    except RPCError as err:
        if not is_missing(err):
            raise
    for line in reader.end():
        yield line


async def runs_that_took_part(client: Client, joined: Joined) -> list[Run]:
    """The runs of a workflow that was joined: the one at that time, and those it went on in."""
    found: list[Run] = []
    for run in await runs_of(client, joined.workflow_id, since=joined.since):
        is_met = run.started_at <= joined.since + JOIN_SLACK
        if is_met or (found and found[-1].is_continued):
            found.append(run)
    return found


async def journal_of(client: Client, workflow_id: str, runs: list[Run]) -> tuple[list[JournalEntry], bool]:
    """The journal's entries, and whether they are up to date.

    When no worker answers, they are those that the last run was given when it began.
    """
    if not runs:
        return [], True
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            handle = client.get_workflow_handle(workflow_id, run_id=runs[-1].run_id)
            journal: Journal = await handle.query(JOURNAL_QUERY, result_type=Journal)
            return journal.entries, True
    except (RPCError, TemporalError, TimeoutError, ValueError):
        return await _journal_at_the_beginning(client, runs[-1]), False


async def _journal_at_the_beginning(client: Client, run: Run) -> list[JournalEntry]:
    reader = RunReader(run.workflow_id, run.run_id, Source.HISTORY)
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    try:
        async for event in handle.fetch_history_events(page_size=1):
            list(reader.read(await read_event(event, client.data_converter)))
            break
    except RPCError:
        return []
    return reader.journal


async def _newest(client: Client, workflow_id: str) -> Run | None:
    try:
        return _run(state_of((await latest_run(client, workflow_id)).workflow_execution_info))
    except RPCError as err:
        if is_missing(err):
            return None
        raise


def _run(state: WorkflowState) -> Run:
    return Run(
        workflow_id=state.workflow_id,
        run_id=state.run_id,
        started_at=state.started_at,
        closed_at=state.closed_at,
        is_continued=state.status == _CONTINUED,
    )
