"""One read shared among callers that ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class Coalesced(Generic[_Answer]):
    """Calls `read` for all who ask.

    A caller never gets an answer whose request was sent before the caller asked, so the answer is as
    fresh as a read of its own; a hundred callers at once cost two reads.
    """

    def __init__(self, read: Callable[[], Awaitable[_Answer]]) -> None:
        self._read = read
        self._running: asyncio.Task[_Answer] | None = None
        self._next: asyncio.Task[_Answer] | None = None

    async def __call__(self) -> _Answer:
        """The answer of a read that starts at or after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        # Shielded: a cancelled caller must not take the shared read from the others.
        return await asyncio.shield(self._next)

    async def _after(self, previous: asyncio.Task[_Answer] | None) -> _Answer:
        if previous is not None:
            await asyncio.wait([previous])
        self._running, self._next = self._next, None
        return await self._read()
