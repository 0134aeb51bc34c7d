"""Who leads when, over outages and deaths, on a clock that jumps: times here are computed, not measured."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from airunway.workers.leader import Election
from airunway.workers.lease_store import Claim, Lease
from tests.virtual_time import run_virtually
from tests.workers.election import LASTS, SLACK, Away, Fleet, Reach, Server


@dataclass(frozen=True)
class Case:
    """`leads`: who leads at the end. `terms`: how many there were. `gap`: seconds without one, at most."""

    reason: str
    away: Sequence[Away] = ()
    kill_at: float | None = None
    stop_at: float | None = None
    leads: str = "a"
    terms: int = 1
    gap: float = 0.0
    before: Sequence[float] = (0.0, 0.4, 0.9, 1.3, 1.9)
    """The whole case is tried shifted against the renewals by each of these."""


TAKE_OVER = LASTS + SLACK

CASES = [
    Case("nothing happens"),
    Case("refused connections, shorter than the deadline", [Away(50, 57)]),
    Case("errors of the server, shorter than the deadline", [Away(50, 57, "failing")]),
    Case("a server that stands still, shorter than the deadline", [Away(50, 57, "frozen")]),
    Case("answers are lost, the writes are not", [Away(50, 57, "mute")]),
    Case("only the leader is cut off, shorter than the deadline", [Away(50, 57, who="a")]),
    Case("the standby is cut off for long", [Away(50, 250, who="b")]),
    Case("the leader is cut off for good", [Away(50, 900, who="a")], leads="b", terms=2, gap=TAKE_OVER),
    Case(
        "the leader's answers are lost for long",
        [Away(50, 900, "mute", "a")],
        leads="b",
        terms=2,
        gap=TAKE_OVER + 3,
    ),
    Case("killed", kill_at=50, leads="b", terms=2, gap=TAKE_OVER),
    Case("killed just before an outage", [Away(50.5, 60)], kill_at=50, leads="b", terms=2, gap=TAKE_OVER),
    Case("killed in an outage", [Away(50, 58)], kill_at=51, leads="b", terms=2, gap=TAKE_OVER),
    Case("killed after an outage", [Away(50, 53)], kill_at=54, leads="b", terms=2, gap=TAKE_OVER),
    Case(
        "killed while the server stands still",
        [Away(50, 62, "frozen")],
        kill_at=51,
        leads="b",
        terms=2,
        gap=TAKE_OVER,
    ),
    Case(
        "killed while answers are lost", [Away(50, 62, "mute")], kill_at=56, leads="b", terms=2, gap=TAKE_OVER
    ),
    Case(
        "killed, many outages",
        [Away(n, n + 2) for n in range(40, 70, 3)],
        kill_at=50,
        leads="b",
        terms=2,
        gap=TAKE_OVER,
    ),
    Case("stopped in order", stop_at=50, leads="b", terms=2, gap=SLACK),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_one_leads_and_is_followed_in_time(case: Case) -> None:
    async def played(shift: float) -> Fleet:
        fleet = Fleet(
            [replace(away, since=away.since + shift, until=away.until + shift) for away in case.away]
        )
        fleet.start("a")
        await fleet.until(5)
        fleet.start("b")
        if case.kill_at is not None:
            await fleet.until(case.kill_at + shift)
            await fleet.kill("a")
        if case.stop_at is not None:
            await fleet.until(case.stop_at + shift)
            await fleet.stop("a")
        await fleet.until(400)
        assert fleet.leader() == case.leads
        await fleet.end()
        return fleet

    for shift in case.before:
        fleet = run_virtually(played(shift))
        fleet.check_one_at_a_time()
        assert len(fleet.terms) == case.terms, fleet.terms
        gaps = [after.since - before.until for before, after in itertools.pairwise(fleet.terms)]
        assert all(gap <= case.gap for gap in gaps), gaps


@pytest.mark.parametrize("how", ["refused", "failing", "frozen", "mute"])
@pytest.mark.parametrize("seconds", [11.0, 14.0, 60.0])
def test_after_a_long_outage_one_leads_again_at_once(how: str, seconds: float) -> None:
    async def played() -> Fleet:
        fleet = Fleet([Away(50, 50 + seconds, how)])
        for who in "abc":
            fleet.start(who)
        await fleet.until(50 + seconds + SLACK)
        assert fleet.leader()
        await fleet.end()
        return fleet

    fleet = run_virtually(played())
    fleet.check_one_at_a_time()


@pytest.mark.parametrize("seed", range(60))
def test_never_two_whatever_happens(seed: int) -> None:
    """Outages of every kind, deaths and starts at random; the last minutes are quiet."""
    rng = random.Random(seed)

    async def played() -> Fleet:
        away, moment = [], 10.0
        while moment < 600:
            length = rng.choice([0.3, 2, 6, 9.9, 12, 30]) * rng.uniform(0.5, 1.5)
            who = rng.choice(["", "", "a0", "b0", "c0"])
            away.append(
                Away(moment, moment + length, rng.choice(["refused", "failing", "frozen", "mute"]), who)
            )
            moment += length + rng.uniform(0, 40)
        fleet = Fleet(away)
        names = {slot: f"{slot}0" for slot in "abc"}
        for name in names.values():
            fleet.start(name)
        for number in range(1, 12):
            await fleet.until(number * 50 + rng.uniform(0, 40))
            slot = rng.choice("abc")
            await (fleet.kill if rng.random() < 0.7 else fleet.stop)(names[slot])
            names[slot] = f"{slot}{number}"
            fleet.start(names[slot])
        await fleet.until(max(moment, 600) + LASTS + SLACK)
        assert fleet.leader()
        await fleet.end()
        return fleet

    run_virtually(played()).check_one_at_a_time()


def test_a_clock_that_is_wrong_changes_nothing() -> None:
    """Only what was seen counts: the wall clock of the holder, and its `acquired`, may say anything."""

    async def played() -> Fleet:
        fleet = Fleet([])
        fleet.server.lease = Lease(Claim("z", timedelta(seconds=LASTS), "1970-01-01T00:00:00Z", 5.0), "1")
        fleet.start("a")
        await fleet.until(LASTS - 1)
        assert not fleet.leader()
        fleet.server.lease = Lease(Claim("z", timedelta(seconds=LASTS), "1970-01-01T00:00:00Z", -9e9), "2")
        await fleet.until(LASTS + 1.9)
        await fleet.until(2 * LASTS + SLACK)
        assert fleet.leader() == "a"
        await fleet.end()
        return fleet

    run_virtually(played())


def test_a_lease_that_was_deleted_is_not_taken_before_its_holder_can_know() -> None:
    async def played() -> Fleet:
        fleet = Fleet([Away(50, 400, "refused", "a")])
        fleet.start("a")
        await fleet.until(5)
        fleet.start("b")
        await fleet.until(52)
        fleet.server.lease = None
        await fleet.until(100)
        assert fleet.leader() == "b"
        await fleet.end()
        return fleet

    run_virtually(played()).check_one_at_a_time()


def test_work_that_fails_ends_the_election_and_gives_the_lease_back() -> None:
    async def played() -> None:
        server = Server([])

        async def work() -> None:
            await asyncio.sleep(5)
            raise ValueError("a fault in the work")

        election = Election(
            Reach(server, "a"), work, me="a", lasts=timedelta(seconds=LASTS), report=lambda err: None
        )
        with pytest.raises(ValueError, match="a fault in the work"):
            await election.run()
        assert server.lease is not None
        assert server.lease.claim.holder == ""

    run_virtually(played())
