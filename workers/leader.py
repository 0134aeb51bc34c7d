"""One at a time, through a Lease: who holds it works; who does not, stands by.

The rules are those of client-go's leader election; the loop is ours, because the Python library's ends a term
at the first error that it does not expect, and forgets at every error what it had observed.

- A leader keeps its term until the renew deadline has passed without a successful renewal, counted from the
  begin of the last one that succeeded. Then its work is cancelled and awaited, and that is over before the
  Lease runs out for anybody else: the renew deadline is shorter than the Lease lasts.
- A standby counts from the moment when it saw the Lease renewed, on its own clock; what it saw survives
  errors, and the Lease's absence. Clocks of two machines are never compared; that they run equally fast is
  assumed.
- After an outage a standby may find a renewal that it did not see happen. It was written at the latest as
  long after the one before as the holder's own steady clock says (`lease_store.RENEWED_AFTER`), so an outage
  does not begin the waiting anew.
- An orderly stop gives the Lease back at once.

What is not promised: a process whose event loop stands still (stopped by a debugger, its machine suspended)
may finish the step it was in before it notices. Signals are hints, so that does no harm here.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from airunway.clients.errors import AlreadyExists, ApiError, Conflict, NotFound, error_text
from airunway.clients.kubernetes import Cluster
from airunway.workers.lease_store import Claim, ClusterLease, Lease, LeaseStore, wall_clock

_log = structlog.get_logger(__name__)

SHORTEST_LEASE_SECONDS = 3.0


def identity() -> str:
    """A name for this process that no other has at the same time.

    In a pod that of the pod: a container that is started again there takes up the Lease of the one before at
    once, which the kubelet has seen to its end. Elsewhere nothing says that the one before is dead.
    """
    name = os.environ.get("POD_NAME") or socket.gethostname()
    return f"{name}_{os.environ.get('POD_UID') or uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class LeaseTiming:
    """The time limits of an election, in seconds, all from how long the Lease lasts (client-go's ratios)."""

    lasts: float

    @property
    def renew_deadline(self) -> float:
        """How long a leader goes on without a successful renewal."""
        return self.lasts * 2 / 3

    @property
    def retry(self) -> float:
        """Between two renewals, and between two looks of a standby."""
        return self.lasts * 2 / 15

    @property
    def request(self) -> float:
        """For one request: three of them fit into the renew deadline, with the pauses between."""
        return self.lasts / 5


class LeaseLost(Exception):
    """The term is over; the message says why."""


@dataclass
class _Observed:
    """What was last seen of a Lease of somebody's, on the local clock."""

    lease: Lease
    answered: float
    """When the answer came that showed this claim for the first time."""
    written_by: float
    """When the claim was written at the latest; earlier than `answered` where that follows."""

    def followed_by(self, lease: Lease, now: float) -> _Observed:
        """The same claim: nothing new but the version. Another one: seen now."""
        before, after = self.lease.claim, lease.claim
        if before == after:
            return _Observed(lease, self.answered, self.written_by)
        written_by = now
        same_term = (before.holder, before.acquired) == (after.holder, after.acquired)
        if same_term and before.renewed_after is not None and after.renewed_after is not None:
            later = max(after.renewed_after - before.renewed_after, 0)
            # From what was seen directly, never from an estimate: small differences must not add up.
            written_by = min(now, self.answered + later)
        return _Observed(lease, now, written_by)


@dataclass
class _Term:
    """A Lease that is held by us."""

    lease: Lease
    began: float
    good_until: float
    """Unless it is renewed."""


class Election:
    """Does the work while it holds the Lease. Run one task of it.

    `report`: is given each error that is only waited for.
    """

    def __init__(
        self,
        store: LeaseStore,
        work: Callable[[], Awaitable[None]],
        *,
        me: str,
        lasts: timedelta,
        report: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._work = work
        self._me = me
        self._timing = LeaseTiming(max(lasts.total_seconds(), SHORTEST_LEASE_SECONDS))
        self._report = report
        self._observed: _Observed | None = None
        self._may_hold = False
        """A write that would make the Lease ours was begun; that its answer came is not said."""

    async def run(self) -> None:
        """Lead, stand by, lead again, until cancelled. Raises what the work raises."""
        try:
            while True:
                term = await self._until_held()
                await self._lead(term)
        finally:
            await asyncio.shield(self._release())

    # -- standing by ---------------------------------------------------------------------------------

    async def _until_held(self) -> _Term:
        while True:
            pause = self._timing.retry
            try:
                async with asyncio.timeout(self._timing.request):
                    term = await self._try_to_take()
                if term is not None:
                    return term
                # Not a whole pause too late.
                pause = min(pause, max(self._free_at() - _now(), 0.05))
            except (Conflict, AlreadyExists):
                pass  # another one was quicker: the next look shows who
            except Exception as err:
                self._report(err)
                pause *= random.uniform(0.3, 0.5)  # out of step with what comes and goes
            await asyncio.sleep(pause)

    async def _try_to_take(self) -> _Term | None:
        """Take the Lease if it is free; None while it is another's."""
        lease = await self._store.read()
        now = _now()
        if lease is not None:
            self._observe(lease, now)
        if self._free_at() > now:
            return None
        before = self._observed
        transitions = before.lease.claim.transitions + 1 if before else 0
        claim = self._claim(acquired=wall_clock(), renewed_after=0.0, transitions=transitions)
        self._may_hold = True
        if lease is None:
            held = await self._store.create(claim)
        else:
            held = await self._store.write(claim, version=lease.version)
        self._observe(held, now)
        _log.info(
            "leading",
            lease=str(self._store),
            identity=self._me,
            after=before.lease.claim.holder if before else "",
            after_seconds=round(now - before.written_by, 1) if before else 0.0,
        )
        return _Term(held, now, now + self._timing.renew_deadline)

    def _observe(self, lease: Lease, now: float) -> None:
        before, holder = self._observed, lease.claim.holder
        self._observed = before.followed_by(lease, now) if before else _Observed(lease, now, now)
        if holder not in ("", self._me) and (before is None or before.lease.claim.holder != holder):
            _log.info("standing by", lease=str(self._store), identity=self._me, leader=holder)

    def _free_at(self) -> float:
        """When the Lease is ours to take, unless it is renewed; on the local clock.

        Also for a Lease that was deleted: its holder learns of that only when it renews it.
        """
        seen = self._observed
        if seen is None or seen.lease.claim.holder in ("", self._me):
            return 0.0
        return seen.written_by + (seen.lease.claim.lasts.total_seconds() or self._timing.lasts)

    # -- leading -------------------------------------------------------------------------------------

    async def _lead(self, term: _Term) -> None:
        """Work until the term is over. Raises what the work raises."""
        work = asyncio.ensure_future(self._work())
        renewing = asyncio.create_task(self._renew_until_lost(term))
        try:
            await asyncio.wait({work, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, renewing):
                task.cancel()
            # Awaited: the next term, ours or another's, must find nothing of this one at work.
            ended, why = await asyncio.gather(work, renewing, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        if not isinstance(why, LeaseLost):
            raise RuntimeError("what a leader does ended by itself") from (
                why if isinstance(why, Exception) else None
            )
        _log.warning("the Lease was lost; standing by", lease=str(self._store), reason=str(why))
        if _now() > term.good_until - self._timing.renew_deadline + self._timing.lasts:
            _log.error("a leader's work ended only after its Lease had run out", lease=str(self._store))

    async def _renew_until_lost(self, term: _Term) -> None:
        """Renew again and again. Raises LeaseLost."""
        timing, due = self._timing, _now() + self._timing.retry
        while True:
            await asyncio.sleep(min(due, term.good_until) - _now())
            now = _now()
            if now >= term.good_until:
                raise LeaseLost(f"not renewed for {timing.renew_deadline:.0f} s")
            try:
                async with asyncio.timeout(min(timing.request, term.good_until - now)):
                    term.lease = await self._renew(term, now)
            except LeaseLost:
                raise
            except Exception as err:
                self._report(err)
                due = _now() + timing.retry * random.uniform(0.3, 0.5)
            else:
                self._observe(term.lease, now)
                # From the begin of the request: a standby counts from a later moment than this.
                term.good_until, due = now + timing.renew_deadline, now + timing.retry

    async def _renew(self, term: _Term, now: float) -> Lease:
        """Renew, by one request unless somebody wrote meanwhile. Raises LeaseLost, ApiError."""
        before = term.lease.claim
        claim = self._claim(
            acquired=before.acquired, renewed_after=now - term.began, transitions=before.transitions
        )
        try:
            return await self._store.write(claim, version=term.lease.version)
        except (Conflict, NotFound):
            # Ours whose answer was lost, another's, or somebody's change of a label: it is read again.
            lease = await self._store.read()
        if lease is None:
            return await self._store.create(claim)
        if lease.claim.holder not in ("", self._me):
            self._observe(lease, now)
            raise LeaseLost(f"it is held by {lease.claim.holder}")
        return await self._store.write(claim, version=lease.version)

    def _claim(self, *, acquired: str, renewed_after: float, transitions: int) -> Claim:
        lasts = timedelta(seconds=self._timing.lasts)
        return Claim(self._me, lasts, acquired, round(renewed_after, 3), transitions)

    # -- the end -------------------------------------------------------------------------------------

    async def _release(self) -> None:
        """Give the Lease back, if it is ours; otherwise it runs out by itself."""
        if not self._may_hold:
            return
        try:
            async with asyncio.timeout(self._timing.request):
                lease = await self._store.read()
                if lease is None or lease.claim.holder != self._me:
                    return
                nobody = Claim("", timedelta(seconds=1), "", None, lease.claim.transitions)
                await self._store.write(nobody, version=lease.version)
        except (ApiError, TimeoutError) as err:
            _log.info("the Lease was not released; it runs out by itself", error=error_text(err)[:200])


def _now() -> float:
    """The event loop's clock: steady, local, and exchanged in tests together with the loop."""
    return asyncio.get_running_loop().time()


async def run_as_leader(
    cluster: Cluster,
    work: Callable[[], Awaitable[None]],
    *,
    name: str,
    namespace: str,
    lease_duration: timedelta,
) -> None:
    """Do the work while holding the Lease; wait for it before, and again after losing it. Until cancelled."""

    def report(err: Exception) -> None:
        log = _log.bind(error=error_text(err)[:200])
        unexpected = None if isinstance(err, (ApiError, TimeoutError)) else err
        words = "the Lease could not be read or written; trying again"
        cluster.outage.suspect(lambda: log.warning(words, exc_info=unexpected))

    store = ClusterLease(cluster, name, namespace)
    await Election(store, work, me=identity(), lasts=lease_duration, report=report).run()
