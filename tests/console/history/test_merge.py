"""Many sources in the order of time, nothing told twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.merge import NothingTwice, Streams, is_same, listed

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def line(what: str, seconds: float = 0, source: Source = Source.HISTORY, **more: Any) -> HistoryLine:
    given = {"generation": 1, **more}
    return HistoryLine(time=NOON + timedelta(seconds=seconds), source=source, what=what, **given)


def once(*lines: HistoryLine) -> list[HistoryLine]:
    merger = NothingTwice()
    told = [ready for entry in lines for ready in merger.put(entry)]
    return [*told, *merger.rest()]


@pytest.mark.parametrize(
    ("richer", "other", "want"),
    [
        pytest.param(
            line("select_engine"), line("EngineSelected", source=Source.JOURNAL), True, id="journal of a step"
        ),
        pytest.param(
            line("apply_upstream"), line("PhaseChanged", source=Source.JOURNAL), False, id="another kind"
        ),
        pytest.param(
            line("select_engine"),
            line("EngineSelected", source=Source.JOURNAL, generation=2),
            False,
            id="another generation",
        ),
        pytest.param(
            line("select_engine"), line("EngineSelected", 60, Source.JOURNAL), False, id="another time"
        ),
        pytest.param(
            line("PhaseChanged", source=Source.JOURNAL),
            line("PhaseChanged", source=Source.EVENT, generation=0),
            True,
            id="an Event of what the journal tells",
        ),
        pytest.param(
            line("EngineSelected", source=Source.JOURNAL), line("select_engine"), False, id="the other way"
        ),
        pytest.param(
            line("write_status", message="Pending: building"),
            line("PhaseChanged", source=Source.JOURNAL, message="Pending → Running"),
            False,
            id="a status of another phase",
        ),
        pytest.param(
            line("write_status", message="Running, 2/2"),
            line("PhaseChanged", source=Source.JOURNAL, message="Pending → Running"),
            True,
            id="the status of that phase",
        ),
        pytest.param(line("retry"), line("retry", source=Source.IMAGE), False, id="of an image"),
        pytest.param(
            line("write_status", 0.9, details={"events": [{"reason": "DeploymentReady", "message": "m"}]}),
            line("DeploymentReady", source=Source.EVENT, generation=0, message="m"),
            True,
            id="an Event that the status step recorded",
        ),
        pytest.param(
            line("write_status", 0.9, details={"events": [{"reason": "DeploymentReady", "message": "m"}]}),
            line("DeploymentReady", source=Source.EVENT, generation=0, message="another"),
            False,
            id="an Event that another step recorded",
        ),
        pytest.param(
            line("validate", message="generation 1 is valid"),
            line("Refused", source=Source.JOURNAL, message="retry: nothing failed"),
            False,
            id="a command that was refused meanwhile",
        ),
        pytest.param(
            line("select_engine", message="refused: none fits"),
            line("Refused", source=Source.JOURNAL, message="none fits"),
            True,
            id="a decision that is a refusal",
        ),
        pytest.param(
            line("remove_finalizers", generation=2),
            line("FinalizersRemoved", source=Source.JOURNAL),
            True,
            id="a deletion raises the generation",
        ),
    ],
)
def test_what_tells_the_same(richer: HistoryLine, other: HistoryLine, want: bool) -> None:
    assert is_same(richer, other) is want


def test_a_step_takes_over_who_and_why_from_the_journal() -> None:
    journal = line("EngineSelected", 0, Source.JOURNAL, by="ann@desk", why="it fits")

    told = once(journal, line("select_engine", 1, message="engine vllm"))

    assert [(entry.what, entry.by, entry.why) for entry in told] == [("select_engine", "ann@desk", "it fits")]


def test_an_event_of_what_the_journal_tells_is_not_told_again() -> None:
    told = once(
        line("Mystery", 0, Source.JOURNAL, message="m"),
        line("Mystery", 1, Source.EVENT, message="m", generation=0),
    )

    assert [entry.source for entry in told] == [Source.JOURNAL]


def test_of_many_writes_of_a_status_the_next_one_takes_over_why() -> None:
    told = once(
        line("PhaseChanged", 0, Source.JOURNAL, message="Failed → Pending", why="asked for"),
        *(line("write_status", seconds, message="Pending: building") for seconds in (3, 2, 1)),
        line("validate", 0.5),
    )

    assert [entry.why for entry in told] == ["", "asked for", "", ""]


@pytest.mark.parametrize("fact", ["ImageReady", "ImageFailed", "NotBorneOut"])
def test_no_report_swallows_what_the_journal_knows(fact: str) -> None:
    report = line("image_report", message="its sender says: the model's image is failed")
    known = line(fact, 1, Source.JOURNAL, message="as it is")

    assert once(report, known) == [report, known]


def test_what_only_the_journal_knows_stays_in_its_place() -> None:
    told = once(line("validate"), line("Mystery", 1, Source.JOURNAL), line("render", 2))

    assert [entry.what for entry in told] == ["validate", "Mystery", "render"]


def test_a_line_that_comes_late_is_put_in_order() -> None:
    told = once(line("validate", 0), line("render", 5), line("join", 3, Source.IMAGE))

    assert [entry.what for entry in told] == ["validate", "join", "render"]


def test_few_lines_are_held_of_very_many() -> None:
    merger, told, held = NothingTwice(), 0, 0
    for number in range(10_000):
        told += len(list(merger.put(line("validate", number))))
        held = max(held, number + 1 - told)

    assert held <= 22


async def test_streams_are_read_as_one_and_more_may_come() -> None:
    streams = Streams()

    async def first() -> Any:
        yield line("a", 0)
        streams.add(listed([line("c", 2)]))
        yield line("b", 1)
        yield line("d", 3)

    streams.add(first())

    assert [entry.what async for entry in streams.lines()] == ["a", "b", "c", "d"]
