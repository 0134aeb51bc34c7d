"""How long to wait between attempts: little at first, then ever longer, up to a limit.

One place for what every loop that tries again needs. Nothing here sleeps but `retry`, whose sleep can be
exchanged, so tests of it take no time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Backoff:
    """The delays of one loop, in seconds: `first`, then each `factor` times the one before, up to `maximum`.

    `jitter`: the share by which a delay is longer or shorter at random, so that many who wait for the same
    do not come back at the same moment.
    """

    first: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.0
    _next: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again at the first delay, after a success."""
        self._next = min(self.first, self.maximum)

    def next_delay(self) -> float:
        """The delay before the next attempt."""
        delay, self._next = self._next, min(self._next * self.factor, self.maximum)
        return delay * random.uniform(1 - self.jitter, 1 + self.jitter)


async def retry(
    attempt: Callable[[], Awaitable[_T]],
    *,
    on: tuple[type[Exception], ...],
    backoff: Backoff,
    failed: Callable[[Exception, float], None],
    sleep: Sleep = asyncio.sleep,
) -> _T:
    """The result of the first attempt that succeeds; there is no limit to their number.

    `on`: errors after which it is tried again; others are raised. `failed` is given each such error and the
    delay that follows, for the log.
    """
    while True:
        try:
            return await attempt()
        except on as err:
            delay = backoff.next_delay()
            failed(err, delay)
        await sleep(delay)
