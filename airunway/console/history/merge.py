"""Lines of many sources in the order of time, nothing told twice. Pure: only iterators are awaited.

What a history tells, the journal and the Events tell too, in other words and some milliseconds apart. A line
of a history is the richest, so it stays, and takes over who and why from the journal. For that, lines are
held back for a few seconds of their own time; none of the others is kept.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta

from airunway.console.history.line import HistoryLine, Source

APART = timedelta(seconds=10)
"""At most between two tellings of the same: a workflow task, an activity and a status write lie between."""

_PHASE_CHANGED = "PhaseChanged"
_REFUSED = "Refused"
_REFUSALS = (_REFUSED, "Warning")
KINDS: dict[str, tuple[str, ...]] = {
    "validate": (*_REFUSALS, "NewObject", "GenerationSeen"),
    "select_engine": ("EngineSelected", *_REFUSALS),
    "evaluate_provider_rules": ("ProviderSelected", *_REFUSALS),
    "render": ("StepFailed",),
    "apply_upstream": ("Applied", "DriftRepaired", "Deleted", "StepFailed", "ResourceCreated"),
    "read_readiness": ("DriftFound",),
    "write_status": ("PhaseChanged",),
    "install_provider": ("InstallationRequested",),
    "build_image": ("ImageRequested",),
    "release_upstream": ("Deleted", "Releasing"),
    "remove_finalizers": ("FinalizersRemoved",),
    "retry": ("Retry",),
    "cancel_build": ("CancelBuild", "BuildCancelled"),
    "pause": ("Pause",),
    "resume": ("Resume",),
    "cancel_requested": ("CancellationRequested",),
}
"""What a history calls it, and what the journal and Events call it. No report is here: it may be untrue."""


class NothingTwice:
    """Takes lines nearly in the order of time, gives them in that order and each happening once."""

    def __init__(self) -> None:
        self._held: list[tuple[datetime, int, HistoryLine]] = []
        self._count = 0

    def put(self, line: HistoryLine) -> Iterator[HistoryLine]:
        """Take one; give those that nothing which comes can touch any more."""
        self._count += 1
        heapq.heappush(self._held, (line.time, self._count, line))
        newest = line.time
        while self._held and newest - self._held[0][0] > 2 * APART:
            yield from self._first()

    def rest(self) -> Iterator[HistoryLine]:
        """Give everything that is left."""
        while self._held:
            yield from self._first()

    def _first(self) -> Iterator[HistoryLine]:
        _, _, line = heapq.heappop(self._held)
        if not self._is_told_by_a_richer(line):
            yield self._with_the_same(line)

    def _with_the_same(self, line: HistoryLine) -> HistoryLine:
        """A line with what poorer ones say of the same; those are not told any more."""
        same = [entry for _, _, entry in self._held if is_same(line, entry)]
        if not same:
            return line
        self._held = [item for item in self._held if item[2] not in same]
        heapq.heapify(self._held)
        return enriched(line, same)

    def _is_told_by_a_richer(self, line: HistoryLine) -> bool:
        """Whether a line that is held tells the same and more; it takes over what this one knows."""
        same = [index for index, (_, _, other) in enumerate(self._held) if is_same(other, line)]
        if not same:
            return False
        nearest = min(same, key=lambda index: self._held[index][:2])  # a status is written again and again
        time, count, other = self._held[nearest]
        self._held[nearest] = (time, count, enriched(other, [line]))
        return True


def is_same(richer: HistoryLine, line: HistoryLine) -> bool:
    """Whether it tells what a richer one tells: a history more than the journal, that more than Events."""
    if line.source not in _POORER.get(richer.source, ()) or abs(line.time - richer.time) > APART:
        return False
    if _has_written(richer, line):
        return True
    if _is_of_another_generation(richer, line):
        return False
    if line.what == _REFUSED and not richer.message.startswith("refused"):
        return False  # a command was, not what this step decided
    if line.what == _PHASE_CHANGED and richer.source is Source.HISTORY:
        # A status is written often, and with this phase only once or twice.
        phase = line.message.rpartition("→ ")[2]
        return richer.what == "write_status" and richer.message.startswith(phase)
    if richer.source is Source.HISTORY:
        return line.what in KINDS.get(richer.what, ())
    return line.what == richer.what


def _has_written(step: HistoryLine, line: HistoryLine) -> bool:
    """Whether an Event is one that a write of the status recorded. Its time has no parts of a second."""
    if line.source is not Source.EVENT or step.source is not Source.HISTORY:
        return False
    events = step.details.get("events") or []
    return any((event.get("reason"), event.get("message")) == (line.what, line.message) for event in events)


def _is_of_another_generation(richer: HistoryLine, line: HistoryLine) -> bool:
    if richer.what in _ENDS:
        return False
    return bool(line.generation and richer.generation and line.generation != richer.generation)


_ENDS = ("release_upstream", "remove_finalizers")
"""Steps of a deletion, which gives the object a generation that the workflow does not take up."""

_POORER = {Source.HISTORY: (Source.JOURNAL, Source.EVENT), Source.JOURNAL: (Source.EVENT,)}
"""Who may tell the same with less."""


def enriched(line: HistoryLine, others: Sequence[HistoryLine]) -> HistoryLine:
    """With who and why, where the line itself does not say it."""
    journal = [other for other in others if other.source is Source.JOURNAL]
    by = line.by or next((other.by for other in journal if other.by), "")
    why = line.why or "; ".join(dict.fromkeys(other.why for other in journal if other.why))
    generation = line.generation or next((other.generation for other in journal if other.generation), 0)
    return line.model_copy(update={"by": by, "why": why, "generation": generation})


class Streams:
    """Streams of lines, each in the order of time, read as one. More may be added while they are read."""

    def __init__(self) -> None:
        self._heads: list[tuple[datetime, int, HistoryLine, AsyncIterator[HistoryLine]]] = []
        self._new: list[AsyncIterator[HistoryLine]] = []
        self._count = 0

    def add(self, stream: AsyncIterator[HistoryLine]) -> None:
        """One more; what it tells of the time before is told next."""
        self._new.append(stream)

    async def lines(self) -> AsyncIterator[HistoryLine]:
        """All lines; one of each stream is held."""
        while self._new or self._heads:
            while self._new:
                await self._take_next(self._new.pop())
            if self._heads:
                _, _, line, stream = heapq.heappop(self._heads)
                yield line
                await self._take_next(stream)

    async def _take_next(self, stream: AsyncIterator[HistoryLine]) -> None:
        line = await anext(stream, None)
        if line is not None:
            self._count += 1
            heapq.heappush(self._heads, (line.time, self._count, line, stream))


async def listed(lines: Sequence[HistoryLine]) -> AsyncIterator[HistoryLine]:
    """A stream of what is known already."""
    for line in lines:
        yield line
