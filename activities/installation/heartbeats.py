"""Heartbeats of a long activity: its last lines, every second, so that it can be followed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from airunway.api.plain_text import beginning
from airunway.messages.installation import MAX_LINE_LENGTH, MAX_LINES

INTERVAL_SECONDS = 1.0
MAX_SHOWN = 10
"""Lines in one heartbeat: what a person who follows it has not seen yet."""


class StepLines:
    """What a long step said: the last lines, for its answer."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=MAX_LINES)
        self.count = 0

    def __call__(self, line: str) -> None:
        """Take a line."""
        text = line.rstrip()
        if text and (not self._last or text != self._last[-1]):
            self._last.append(beginning(text, MAX_LINE_LENGTH))
            self.count += 1

    @property
    def kept(self) -> list[str]:
        """The last lines."""
        return list(self._last)

    @property
    def latest(self) -> list[str]:
        """The very last ones."""
        return list(self._last)[-MAX_SHOWN:]


@asynccontextmanager
async def heartbeats() -> AsyncIterator[StepLines]:
    """Heartbeat while the context is open, with what was said so far."""
    lines = StepLines()

    async def beat() -> None:
        while True:
            # The count lets a reader tell which of the lines are new.
            activity.heartbeat(lines.count, lines.latest)
            await asyncio.sleep(INTERVAL_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield lines
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
