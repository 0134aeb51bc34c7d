"""One line at the begin of an outage and one at its end, however many miss the part. Time jumps here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog

from airunway.clients.outages import REMINDER_SECONDS, SETTLE_SECONDS, Outage
from tests.virtual_time import run_virtually


class Part:
    """Something that answers, refuses or says nothing."""

    def __init__(self) -> None:
        self.how = "answers"
        self.asked = 0
        self.outage = Outage("Temporal", "here:7233")
        self.outage.add(self.probe)
        self.passed_on: list[str] = []

    async def probe(self) -> None:
        self.asked += 1
        if self.how == "refuses":
            raise ConnectionRefusedError("connection refused\nwith a second line")
        if self.how == "stands still":
            await asyncio.Event().wait()

    def missed_by(self, who: str) -> None:
        self.outage.suspect(lambda: self.passed_on.append(who))


def played(story: Callable[[Part], Awaitable[None]]) -> tuple[Part, list[Any]]:
    """The part after a story, and the lines that were logged."""

    async def run() -> Part:
        part = Part()
        await story(part)
        return part

    with structlog.testing.capture_logs() as lines:
        part = run_virtually(run())
    return part, lines


@pytest.mark.parametrize("how", ["refuses", "stands still"])
def test_many_who_miss_it_make_two_lines(how: str) -> None:
    async def story(part: Part) -> None:
        part.how = how
        for second in range(20):
            for number in range(100):
                part.missed_by(f"{second}-{number}")
            await asyncio.sleep(1)
        part.how = "answers"
        await asyncio.sleep(60)

    part, lines = played(story)

    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "Temporal does not answer; waiting for it"),
        ("info", "Temporal answers again"),
    ]
    assert "\n" not in lines[0]["error"]
    assert 15 <= lines[1]["away_seconds"] <= 25
    assert part.passed_on == []


def test_an_error_while_the_part_is_well_is_its_owners() -> None:
    async def story(part: Part) -> None:
        part.missed_by("a")
        await asyncio.sleep(1)
        part.missed_by("b")
        await asyncio.sleep(1)

    part, lines = played(story)

    assert (part.passed_on, lines) == (["a", "b"], [])


def test_a_server_that_answers_once_and_refuses_again_is_still_away() -> None:
    async def story(part: Part) -> None:
        part.how = "refuses"
        part.missed_by("a")
        for _ in range(10):
            await asyncio.sleep(3.5)
            part.how = "answers"
            await asyncio.sleep(1.2)
            part.how = "refuses"
        part.how = "answers"
        await asyncio.sleep(60)

    _, lines = played(story)

    assert [line["event"] for line in lines] == [
        "Temporal does not answer; waiting for it",
        "Temporal answers again",
    ]


def test_stragglers_of_an_outage_are_silent_and_later_errors_are_not() -> None:
    async def story(part: Part) -> None:
        part.how = "refuses"
        part.missed_by("a")
        await asyncio.sleep(5)
        part.how = "answers"
        await asyncio.sleep(4)
        assert not part.outage.is_away
        part.missed_by("straggler")
        await asyncio.sleep(SETTLE_SECONDS)
        part.missed_by("later")
        await asyncio.sleep(1)

    part, _ = played(story)

    assert part.passed_on == ["later"]


def test_a_second_outage_has_lines_of_its_own() -> None:
    async def story(part: Part) -> None:
        for _ in range(2):
            part.how = "refuses"
            part.missed_by("a")
            await asyncio.sleep(5)
            part.how = "answers"
            await asyncio.sleep(5)

    _, lines = played(story)

    assert [line["log_level"] for line in lines] == ["warning", "info"] * 2


def test_a_long_outage_is_called_to_mind_every_few_minutes() -> None:
    async def story(part: Part) -> None:
        part.how = "refuses"
        part.missed_by("a")
        await asyncio.sleep(2 * REMINDER_SECONDS + 30)

    _, lines = played(story)

    assert [line.get("away_minutes") for line in lines] == [None, 5, 10]


def test_a_part_that_stands_still_is_noticed_without_any_error() -> None:
    async def story(part: Part) -> None:
        asking = asyncio.create_task(part.outage.keep_asking(15))
        await asyncio.sleep(100)
        part.how = "stands still"
        await asyncio.sleep(25)
        assert part.outage.is_away
        part.how = "answers"
        await asyncio.sleep(20)
        asking.cancel()

    _, lines = played(story)

    assert [line["log_level"] for line in lines] == ["warning", "info"]


def test_errors_of_other_threads_count_as_well() -> None:
    # A thread takes real time, which a clock that jumps does not wait for.
    async def run() -> Part:
        part = Part()
        await asyncio.to_thread(part.missed_by, "a thread")
        async with asyncio.timeout(60):
            while not part.passed_on:
                await asyncio.sleep(0.01)
        return part

    assert asyncio.run(run()).passed_on == ["a thread"]


def test_a_wait_that_is_known_to_be_one_needs_no_probe() -> None:
    async def story(part: Part) -> None:
        for _ in range(5):
            part.outage.begins(OSError("refused"))
            await asyncio.sleep(5)
        part.outage.ends()
        part.outage.ends()

    part, lines = played(story)

    assert [line.get("away_seconds") for line in lines] == [None, 25.0]
    assert part.asked == 0
