"""How deployments' workflows themselves are: open, closed by hand, missing, or unable to progress. Pure.

Apart from what reads it of Temporal's messages (`workflow_states`), which a list that is shown the quick way
does not load.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airunway.console.queries import literal
from airunway.console.rows import age

REPORTED_PROBLEMS = "TemporalReportedProblems"
"""Search attribute that Temporal sets when workflow tasks fail again and again."""
_CAUSE = "cause=WorkflowTaskFailedCause"
OPEN, PAUSED_BY_HAND = "running", "paused"
IDS_PER_QUERY = 50
PAGE = 1000
"""Workflows in an answer of visibility."""


@dataclass(frozen=True, kw_only=True)
class WorkflowState:
    """One run of a deployment's workflow, as Temporal sees it from outside."""

    workflow_id: str
    run_id: str
    status: str
    """`running`, `paused` (by hand), `completed`, `terminated`, `canceled`, `failed`, `timed_out`,
    `continued_as_new`."""
    started_at: datetime
    closed_at: datetime | None = None
    problems: tuple[str, ...] = ()
    """As Temporal reports them, e.g. `category=WorkflowTaskFailed`."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Search attributes that hold one text."""
    build_id: str = ""
    """Of the worker that answered last; empty: not known."""
    closed_by: str = ""
    """Or paused by."""
    closed_because: str = ""
    failed_attempts: int = 0
    """Of the present workflow task; known of a single deployment only."""
    last_error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self.status == OPEN

    @property
    def is_stuck(self) -> bool:
        """Whether its workflow tasks fail, so that nothing goes on."""
        return self.is_open and (bool(self.problems) or self.failed_attempts > 1)


def described(
    *,
    workflow_id: str,
    run_id: str,
    status: str,
    started_at: datetime,
    closed_at: datetime | None,
    attributes: Mapping[str, bytes],
    build_id: str,
) -> WorkflowState:
    """A run by what Temporal says of it; `attributes`: search attributes, each as JSON."""
    values = {name: _values(data) for name, data in attributes.items()}
    return WorkflowState(
        workflow_id=workflow_id,
        run_id=run_id,
        status=status,
        started_at=started_at,
        closed_at=closed_at,
        problems=tuple(str(value) for value in values.get(REPORTED_PROBLEMS, ())),
        attributes={name: str(found[0]) for name, found in values.items() if len(found) == 1},
        build_id=build_id,
    )


def _values(data: bytes) -> list[Any]:
    """Of a search attribute: one value or several."""
    value = json.loads(data) if data else []
    return value if isinstance(value, list) else [value]


def trouble(state: WorkflowState | None, *, now: datetime) -> str:
    """What is the matter with a workflow, in a phrase; empty: nothing. None: there is no workflow."""
    if state is None:
        return "none; a running watcher starts one within a minute"
    if state.is_stuck:
        attempts = f" (attempt {state.failed_attempts})" if state.failed_attempts > 1 else ""
        return f"cannot progress{attempts}: {state.last_error or _problem_words(state.problems)}"
    if state.is_open:
        return ""
    when = f" {age(state.closed_at, now=now)} ago" if state.closed_at else ""
    who = f" by {state.closed_by}" if state.closed_by else ""
    why = f" ({state.closed_because})" if state.closed_because else ""
    if state.status == PAUSED_BY_HAND:
        return f"paused in Temporal{who}{why}; nothing goes on until it is unpaused there"
    return f"{state.status.replace('_', ' ')}{when}{who}{why}"


def _problem_words(problems: Sequence[str]) -> str:
    """What Temporal reports, without the words that are in all of it."""
    causes = [entry.removeprefix(_CAUSE) for entry in problems if entry.startswith(_CAUSE)]
    return ", ".join(causes or problems)


Find = Callable[[str], AsyncIterator[WorkflowState]]
"""What a visibility query finds. Raises as its connection does."""


async def last_closed(find: Find, workflow_ids: Sequence[str]) -> dict[str, WorkflowState]:
    """How the last run of each workflow ended, by id; those without one are missing."""
    found: dict[str, WorkflowState] = {}
    for start in range(0, len(workflow_ids), IDS_PER_QUERY):
        ids = ", ".join(map(literal, workflow_ids[start : start + IDS_PER_QUERY]))
        query = (
            f"WorkflowId IN ({ids}) AND ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'"
        )
        async for state in find(query):
            known = found.get(state.workflow_id)
            if known is None or known.started_at < state.started_at:
                found[state.workflow_id] = state
    return found
