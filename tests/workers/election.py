"""Candidates for one Lease in memory, over outages of every kind, on a clock that jumps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from airunway.clients.errors import AlreadyExists, Conflict, NotFound, ServerError, Unreachable
from airunway.workers.leader import Election
from airunway.workers.lease_store import Claim, Lease

LASTS = 15.0
SLACK = 3.0
ROUND_TRIP = 0.01


@dataclass(frozen=True)
class Away:
    """The API server is away for a time, in seconds since the begin; `who`: for one candidate only.

    `how`: `refused` and `failing` answer at once; `frozen` takes requests and does them when it is back, as a
    stopped process does; `mute` does them at once, and its answers are lost.
    """

    since: float
    until: float
    how: str = "refused"
    who: str = ""


class Server:
    """A Lease in memory, and when it can be reached."""

    def __init__(self, away: Sequence[Away]) -> None:
        self.began = asyncio.get_running_loop().time()
        self.away = away
        self.lease: Lease | None = None
        self.versions = 0

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def trouble_of(self, who: str) -> Away | None:
        now = self.now()
        return next(
            (away for away in self.away if away.since <= now < away.until and away.who in ("", who)), None
        )

    def put(self, claim: Claim, version: str | None) -> Lease:
        there = self.lease
        if version is None and there is not None:
            raise AlreadyExists("there", status=409)
        if version is not None and there is None:
            raise NotFound("gone", status=404)
        if there is not None and there.version != version:
            raise Conflict("changed", status=409)
        self.versions += 1
        self.lease = Lease(claim, str(self.versions))
        return self.lease


class Reach:
    """One candidate's way to the server. `cut`: its process was killed, nothing goes out any more."""

    def __init__(self, server: Server, who: str) -> None:
        self.server, self.who, self.cut = server, who, False

    async def read(self) -> Lease | None:
        await self._through(None)
        return self.server.lease

    async def create(self, claim: Claim) -> Lease:
        return await self._put(claim, None)

    async def write(self, claim: Claim, *, version: str) -> Lease:
        return await self._put(claim, version)

    async def _put(self, claim: Claim, version: str | None) -> Lease:
        lease = await self._through((claim, version))
        return lease or self.server.put(claim, version)

    async def _through(self, write: tuple[Claim, str | None] | None) -> Lease | None:
        if self.cut:
            await asyncio.Event().wait()
        await asyncio.sleep(ROUND_TRIP / 2)
        trouble = self.server.trouble_of(self.who)
        if trouble is None:
            return None
        if trouble.how == "refused":
            raise Unreachable("connection refused")
        if trouble.how == "failing":
            raise ServerError("etcd does not answer", status=503)
        if trouble.how == "mute" and write:
            self.server.put(*write)
        loop = asyncio.get_running_loop()
        left = trouble.until - self.server.now()
        if trouble.how == "frozen" and write:
            outcome: asyncio.Future[Lease] = loop.create_future()
            loop.call_later(left, self._do_late, write, outcome)
            return await outcome
        await asyncio.sleep(left)
        return self.server.lease if write else None

    def _do_late(self, write: tuple[Claim, str | None], outcome: asyncio.Future[Lease]) -> None:
        """A request that its sender may long have given up; who has not is told what came of this one."""
        try:
            lease = self.server.put(*write)
        except (Conflict, AlreadyExists, NotFound) as err:
            if not outcome.done():
                outcome.set_exception(err)
        else:
            if not outcome.done():
                outcome.set_result(lease)


@dataclass
class Led:
    """One term: who worked, from when to when."""

    who: str
    since: float
    until: float = float("inf")


class Fleet:
    """Candidates over one server, and every term they had."""

    def __init__(self, away: Sequence[Away]) -> None:
        self.server = Server(away)
        self.terms: list[Led] = []
        self.errors: list[Exception] = []
        self._reach: dict[str, Reach] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, who: str) -> None:
        reach = self._reach[who] = Reach(self.server, who)

        async def work() -> None:
            term = Led(who, self.server.now())
            self.terms.append(term)
            try:
                await asyncio.Event().wait()
            finally:
                term.until = self.server.now()

        election = Election(reach, work, me=who, lasts=timedelta(seconds=LASTS), report=self.errors.append)
        self._tasks[who] = asyncio.create_task(election.run())

    async def stop(self, who: str) -> None:
        task = self._tasks.pop(who)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def kill(self, who: str) -> None:
        self._reach[who].cut = True
        await self.stop(who)

    async def until(self, moment: float) -> None:
        await asyncio.sleep(moment - self.server.now())

    def leader(self) -> str:
        now = self.server.now()
        return next((term.who for term in self.terms if term.since <= now < term.until), "")

    async def end(self) -> None:
        for who in list(self._tasks):
            await self.kill(who)

    def check_one_at_a_time(self) -> None:
        ordered = sorted(self.terms, key=lambda term: term.since)
        for before, after in itertools.pairwise(ordered):
            assert before.until <= after.since, (before, after)
