"""What containers print, kept as kubelets keep it: written by the test, read by `kubectl logs`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_LINES = 10_000
"""Of one container; the oldest go first, as a kubelet rotates files."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log, without its end, and when it was printed."""

    at: datetime
    text: str

    def encode(self, *, timestamps: bool) -> bytes:
        """As a kubelet sends it."""
        stamp = f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z " if timestamps else ""
        return f"{stamp}{self.text}\n".encode()


@dataclass(eq=False, slots=True)
class Log:
    """The lines of one run of one container."""

    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MAX_LINES))
    written: int = 0
    ended: bool = False
    _followers: set[asyncio.Event] = field(default_factory=set)

    def add(self, line: Line) -> None:
        """One more line."""
        self.lines.append(line)
        self.written += 1
        self._wake()

    def end(self) -> None:
        """There will be no more."""
        self.ended = True
        self._wake()

    def tail(self, count: int | None) -> list[Line]:
        """The last lines; all of them for None."""
        return list(self.lines)[max(0, len(self.lines) - count) :] if count is not None else list(self.lines)

    async def following(self, since: int) -> AsyncIterator[Line]:
        """What is written after the first `since` lines, until the end."""
        woken = asyncio.Event()
        self._followers.add(woken)
        try:
            while True:
                woken.clear()
                new = min(self.written - since, len(self.lines))
                since = self.written
                for line in self.tail(new):
                    yield line
                if self.ended:
                    return
                if self.written == since:
                    await woken.wait()
        finally:
            self._followers.discard(woken)

    def _wake(self) -> None:
        for follower in self._followers:
            follower.set()


class PodLogs:
    """The logs of all containers, by the uid of their pod. Nothing is kept over a restart."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._runs: dict[str, dict[str, list[Log]]] = {}

    def write(self, uid: str, container: str, text: str, *, at: datetime | None = None) -> None:
        """Let a container print; each line of `text` is one of the log."""
        when = at or self._now()
        log = self._runs_of(uid, container)[-1]
        for line in text.splitlines():
            log.add(Line(when, line))

    def restart(self, uid: str, container: str) -> None:
        """A container was started again: what it printed before is its previous log."""
        runs = self._runs_of(uid, container)
        runs[-1].end()
        runs[:] = [runs[-1], Log()]

    def forget(self, uid: str) -> None:
        """A pod is gone."""
        for runs in self._runs.pop(uid, {}).values():
            runs[-1].end()

    def close(self) -> None:
        """End what is followed."""
        for uid in list(self._runs):
            for runs in self._runs[uid].values():
                runs[-1].end()

    def current(self, uid: str, container: str) -> Log:
        """Of the container that runs, or that ended last."""
        return self._runs_of(uid, container)[-1]

    def previous(self, uid: str, container: str) -> Log:
        """Of the run before."""
        runs = self._runs_of(uid, container)
        return runs[-2] if len(runs) > 1 else Log(ended=True)

    def _runs_of(self, uid: str, container: str) -> list[Log]:
        return self._runs.setdefault(uid, {}).setdefault(container, [Log()])
