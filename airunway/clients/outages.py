"""One line when something that we depend on is away, and one when it is back: not one for each who misses it.

An outage of the API server or of Temporal meets dozens of loops, pollers and steps at once. None of them logs
its error; it tells the part's `Outage` (`suspect`). That looks whether the part as a whole is away (by its
probe), says so once, is silent while it lasts but for a reminder every few minutes, and says when it is over
and how long it was. An error while the part is well is not an outage: it is logged as its owner wants it.

Sources of errors may be other threads (Temporal's core logs from one): `suspect` may be called from any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from airunway.clients.errors import error_text

_log = structlog.get_logger(__name__)

PROBE_SECONDS = 3.0
"""For one probe: a server that stands still takes connections and says nothing."""
INTERVAL_SECONDS = 1.0
PROBES_TO_BE_BACK = 3
"""Successes in succession: a server that has just started refuses again for a moment."""
SETTLE_SECONDS = 15.0
"""After an outage, errors of those who meet a part of the server that starts later are still the outage's."""
REMINDER_SECONDS = 300.0
MAX_HELD_BACK = 50
"""Errors that wait for the answer of the first probe; more of the same moment would say the same."""

Probe = Callable[[], Awaitable[object]]
"""Asks the part for a sign of life. Raises when there is none."""


class Outage:
    """Whether one part is away. `part` and `where` are for people: `Temporal`, `127.0.0.1:7233`."""

    def __init__(self, part: str, where: str) -> None:
        self.part = part
        self.where = where
        self.is_away = False
        self._probes: list[Probe] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._following: asyncio.Task[None] | None = None
        self._held_back: list[Callable[[], None]] = []
        self._began = self._said = self._settled_at = 0.0

    def add(self, probe: Probe) -> None:
        """Ask this way from now on. Whoever adds a probe removes it before it stops working."""
        self._attach()
        self._probes.append(probe)

    def remove(self, probe: Probe) -> None:
        """Stop asking this way; with the last one, stop asking."""
        if probe in self._probes:
            self._probes.remove(probe)
        if not self._probes and self._following is not None:
            self._following.cancel()

    def suspect(self, otherwise: Callable[[], None]) -> None:
        """Somebody met an error that may mean that the part is away; `otherwise` logs it when it does not."""
        if not self._attach():
            loop = self._loop
            if loop is None or loop.is_closed():
                otherwise()
            else:
                loop.call_soon_threadsafe(self.suspect, otherwise)
            return
        if self.is_away:
            return
        if not self._probes:
            otherwise()
            return
        if len(self._held_back) < MAX_HELD_BACK:
            self._held_back.append(otherwise)
        if self._following is None:
            self._following = asyncio.get_running_loop().create_task(self._follow())
            self._following.add_done_callback(self._followed)

    def begins(self, err: Exception) -> None:
        """It is known to be away. Says so once, and again in a while if this is still called then."""
        self._attach()
        now = asyncio.get_running_loop().time()
        if not self.is_away:
            self.is_away, self._began, self._said = True, now, now
            line = error_text(err).splitlines()[0][:200]
            _log.warning(f"{self.part} does not answer; waiting for it", where=self.where, error=line)
        elif now - self._said >= REMINDER_SECONDS:
            self._said = now
            minutes = round((now - self._began) / 60)
            _log.warning(f"{self.part} still does not answer", where=self.where, away_minutes=minutes)

    def ends(self, *, at: float | None = None) -> None:
        """It is known to be back, since `at` on the loop's clock (None: now). Says so after `begins`."""
        if self.is_away:
            self.is_away = False
            now = asyncio.get_running_loop().time()
            self._settled_at = now + SETTLE_SECONDS
            seconds = (now if at is None else at) - self._began
            _log.info(f"{self.part} answers again", where=self.where, away_seconds=round(seconds, 1))

    def _attach(self) -> bool:
        """Belong to the running loop, to hand it what other threads report; False in another thread."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._loop is not loop:
            self._loop, self._following, self.is_away, self._settled_at = loop, None, False, 0.0
            self._held_back.clear()
        return True

    async def keep_asking(self, every: float) -> None:
        """Ask for a sign of life every so many seconds, until cancelled.

        For a part that nobody may be waiting for with a time limit: one that stands still raises no error.
        """
        while True:
            await asyncio.sleep(every)
            if not self.is_away and await self._missing():
                self.suspect(lambda: None)

    async def _follow(self) -> None:
        """From a first suspicion to its end."""
        loop = asyncio.get_running_loop()
        suspected = loop.time()
        if (err := await self._missing()) is None:
            held_back, self._held_back = self._held_back, []
            if suspected >= self._settled_at:
                for otherwise in held_back:
                    otherwise()
            return
        self.begins(err)
        self._held_back.clear()
        answers, back = 0, 0.0
        while answers < PROBES_TO_BE_BACK:
            await asyncio.sleep(INTERVAL_SECONDS)
            if (err := await self._missing()) is None:
                back = back if answers else loop.time()
                answers += 1
            else:
                answers = 0
                self.begins(err)
        self.ends(at=back)

    async def _missing(self) -> Exception | None:
        """Why there is no sign of life; None: there is one."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._probes[-1]()
        except TimeoutError:
            return TimeoutError(f"no answer within {PROBE_SECONDS:.0f} s")
        except Exception as err:
            return err
        return None

    def _followed(self, task: asyncio.Task[None]) -> None:
        self._following = None
        held_back, self._held_back = self._held_back, []
        if task.cancelled():
            self.is_away = False
            return
        if fault := task.exception():
            _log.error("an outage was not followed to its end", part=self.part, exc_info=fault)
        for otherwise in held_back:
            self.suspect(otherwise)


class Outages:
    """The parts that this process depends on."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], Outage] = {}

    def part(self, part: str, where: str) -> Outage:
        """The one of that name and place, for everybody in this process."""
        return self._parts.setdefault((part, where), Outage(part, where))

    def named(self, part: str) -> Outage | None:
        """The latest of that name, for who does not know the place."""
        return next((there for there in reversed(self._parts.values()) if there.part == part), None)

    def states(self) -> dict[str, bool]:
        """Whether each part is away, wherever it is."""
        found: dict[str, bool] = {}
        for there in self._parts.values():
            found[there.part] = found.get(there.part, False) or there.is_away
        return found

    def suspect(self, part: str, otherwise: Callable[[], None]) -> None:
        """See `Outage.suspect`, for who knows only the name of the part."""
        outage = self.named(part)
        if outage is None:
            otherwise()
        else:
            outage.suspect(otherwise)


OUTAGES = Outages()
"""As there is one log for a process, there is one of these."""

KUBERNETES, TEMPORAL = "Kubernetes API", "Temporal"
