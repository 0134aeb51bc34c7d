"""Breaks the cluster on purpose, so that tests can see how a client copes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from .errors import StatusError

Match = Callable[[str, str], bool]
"""Whether a fault hits a request, by method and path (with the query)."""


def _everything(method: str, path: str) -> bool:
    return True


@dataclass(slots=True)
class _Fault:
    match: Match
    left: int
    code: int = 0
    reason: str = ""
    message: str = ""
    retry_after: int | None = None
    delay: timedelta = timedelta(0)


@dataclass(slots=True)
class Faults:
    """The faults that are switched on. All are off at first."""

    refusing: bool = False
    _pending: list[_Fault] = field(default_factory=list)
    _end_watches: Callable[..., None] | None = None
    _close_connections: Callable[[], None] | None = None

    def connect(self, end_watches: Callable[..., None], close_connections: Callable[[], None]) -> None:
        """Called by the cluster these faults are for."""
        self._end_watches, self._close_connections = end_watches, close_connections

    def fail_next(
        self,
        count: int = 1,
        *,
        code: int = 500,
        reason: str = "InternalError",
        message: str = "a fault was injected",
        retry_after: int | None = None,
        when: Match = _everything,
    ) -> None:
        """Answers the next `count` matching requests with an error; `retry_after` is in seconds."""
        self._pending.append(_Fault(when, count, code, reason, message, retry_after))

    def delay_next(self, by: timedelta, count: int = 1, *, when: Match = _everything) -> None:
        """Holds the next `count` matching requests for a while before they are handled."""
        self._pending.append(_Fault(when, count, delay=by))

    def drop_watches(self) -> None:
        """Ends all running watches without a word; the client may resume."""
        if self._end_watches is not None:
            self._end_watches(expired=False)

    def expire_watches(self) -> None:
        """Ends all running watches with 410 Gone; the client must list again."""
        if self._end_watches is not None:
            self._end_watches(expired=True)

    def down(self) -> None:
        """Closes every connection, and every new one as soon as it asks for something."""
        self.refusing = True
        self.drop_watches()
        if self._close_connections is not None:
            self._close_connections()

    def up(self) -> None:
        """Ends `down`."""
        self.refusing = False

    def clear(self) -> None:
        """Switches every fault off."""
        self.refusing = False
        self._pending.clear()

    async def strike(self, method: str, path: str) -> None:
        """Called before a request is handled: waits, or raises the error it is to get."""
        for fault in list(self._pending):
            if not fault.match(method, path):
                continue
            fault.left -= 1
            if fault.left <= 0:
                self._pending.remove(fault)
            if fault.delay:
                await asyncio.sleep(fault.delay.total_seconds())
            if fault.code:
                raise StatusError(fault.code, fault.reason, fault.message, None, fault.retry_after)
