"""Deployments of all clusters on one Temporal, counted by cluster and phase, as visibility tells of them.

No other cluster is asked. What is counted is what each workflow said of its deployment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from temporalio.client import Client

from airunway.console.links import filter_link
from airunway.console.queries import deployments_query
from airunway.console.workflow_state import WorkflowState
from airunway.console.workflow_states import open_states
from airunway.messages.search_attributes import PHASE
from airunway.web.pages.fleet_view import NOT_SAID
from airunway.workers.temporal.target import TemporalTarget

MAX_WORKFLOWS = 20_000
"""Beyond these nothing is counted: it would take long, and the numbers be old by then."""


@dataclass(frozen=True)
class ClusterCount:
    """The deployments of one cluster."""

    name: str
    total: int
    phases: Sequence[tuple[str, int]]
    link: str = ""
    """To Temporal's UI, where there is one."""


async def count_clusters(client: Client, target: TemporalTarget) -> list[ClusterCount]:
    """By name. Raises RPCError."""
    states: list[WorkflowState] = []
    async for state in open_states(client, deployments_query()):
        states.append(state)
        if len(states) >= MAX_WORKFLOWS:
            break
    return counted(states, target)


def counted(states: Iterable[WorkflowState], target: TemporalTarget) -> list[ClusterCount]:
    """The counts of workflows."""
    phases: dict[str, Counter[str]] = {}
    for state in states:
        parts = state.workflow_id.split("/", 3)
        if len(parts) == 4:
            found = phases.setdefault(parts[1], Counter())
            found[state.attributes.get(PHASE.name, "") or NOT_SAID] += 1
    return [
        ClusterCount(
            name=name,
            total=count.total(),
            phases=sorted(count.items()),
            link=filter_link(target, deployments_query(cluster=name)) if target.ui else "",
        )
        for name, count in sorted(phases.items())
    ]
