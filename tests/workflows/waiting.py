"""Waiting in tests until something holds: at most so long that a slow machine does not matter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

Found = TypeVar("Found")

MAX_SECONDS = 90


@dataclass
class Changing:
    """Something whose changes can be waited for; only real time passes meanwhile."""

    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, asked again after each change."""
        async with asyncio.timeout(MAX_SECONDS):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


async def first(find: Callable[[], Awaitable[Found | None]]) -> Found:
    """What `find` answers, as soon as it finds anything."""
    async with asyncio.timeout(MAX_SECONDS):
        while True:
            found = await find()
            if found is not None:
                return found
            await asyncio.sleep(0.02)
