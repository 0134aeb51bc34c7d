"""What the watcher measures of the fleet; only the one that leads serves it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from airunway.api.status import Phase
from airunway.metrics import families as metrics
from airunway.metrics.labels import phase_label
from airunway.metrics.registry import EXPOSITION, Served
from airunway.workers.audit.problems import NO_WORKER

_OF_A_TERM = (
    *(metrics.SELECTIONS, metrics.REPLICAS, metrics.DEPLOYMENT_STATUS, metrics.PHASE_TRANSITIONS),
    *(metrics.READY_SECONDS, metrics.PROVISION_SECONDS, metrics.OPEN_WORKFLOWS, metrics.WORKFLOW_PROBLEMS),
    *(metrics.TASK_BACKLOG, metrics.WATCH_LAG, metrics.WATCH_SILENT, metrics.PROVIDER_READY),
)
"""What another watcher goes on with: left here it would be counted twice."""


class FleetMetrics:
    """All of one cluster."""

    def __init__(self) -> None:
        self._counted = (0, 0)
        EXPOSITION.serve(Served.WATCHER)
        metrics.WATCHER_LEADER.set(0)

    @contextmanager
    def leading(self, look: Callable[[], None] = lambda: None) -> Iterator[None]:
        """This process holds the Lease, while the context is open. `look`: before each scrape."""
        self._counted = (0, 0)
        metrics.WATCHER_LEADER.set(1)
        EXPOSITION.serve(Served.LEADER)
        try:
            with EXPOSITION.looking(look):
                yield
        finally:
            metrics.WATCHER_LEADER.set(0)
            EXPOSITION.withdraw(Served.LEADER)
            for family in _OF_A_TERM:
                family.clear()
            metrics.forget_series()

    def audited(self, *, seconds: float, differing: int = 0, signalled: int = 0) -> None:
        """An audit has ended."""
        metrics.AUDIT_SECONDS.set(seconds)
        metrics.AUDIT_AT.set(time.time())
        metrics.AUDIT_DIFFERENCES.set(differing)
        metrics.AUDIT_SIGNALS.inc(signalled)

    def present(self, *, deployments: int, without_open_workflow: int, problems: Iterable[str]) -> None:
        """What Temporal and the watches say together. `problems`: of workflows that cannot progress."""
        metrics.DEPLOYMENTS.set(deployments)
        metrics.WITHOUT_WORKFLOW.set(without_open_workflow)
        kinds = Counter("no_worker" if problem == NO_WORKER else "task_fails" for problem in problems)
        for kind in ("no_worker", "task_fails"):
            metrics.WORKFLOW_PROBLEMS.labels(kind).set(kinds[kind])

    def opened(self, phases: Iterable[str]) -> None:
        """The phases of all open workflows, as Temporal lists them."""
        counts = Counter(map(phase_label, phases))
        for phase in {*counts, *map(str, Phase)}:
            metrics.OPEN_WORKFLOWS.labels(phase).set(counts[phase])

    def backlog(self, waiting: Mapping[tuple[str, str], int]) -> None:
        """Tasks that wait, by task queue and kind."""
        for (queue, kind), count in waiting.items():
            metrics.TASK_BACKLOG.labels(queue, kind).set(count)

    def signals(self, *, sent: int, folded: int) -> None:
        """Totals of the signal queue until now."""
        before, self._counted = self._counted, (sent, folded)
        metrics.SIGNALS_SENT.inc(max(sent - before[0], 0))
        metrics.SIGNALS_FOLDED.inc(max(folded - before[1], 0))
