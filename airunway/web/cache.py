"""Answers that hold for a while: one question is asked once by all who want to know at the same time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Answer = TypeVar("_Answer")


class TimedCache(Generic[_Key, _Answer]):
    """Keeps answers, the newest `maximum` of them, for `seconds`. A failure is not kept."""

    def __init__(self, *, seconds: float, maximum: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._maximum, self._clock = seconds, maximum, clock
        self._kept: OrderedDict[_Key, tuple[float, _Answer]] = OrderedDict()
        self._asked: dict[_Key, asyncio.Task[_Answer]] = {}

    async def get(self, key: _Key, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The kept answer, or that of `ask`; raises what it raises."""
        found = self.peek(key)
        if found is not None:
            return found[0]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.ensure_future(self._ask(key, ask))
            self._asked[key] = task
        return await asyncio.shield(task)  # who leaves must not take the answer from the others

    def peek(self, key: _Key) -> tuple[_Answer] | None:
        """The kept answer, if it still holds."""
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock():
            return None
        return (found[1],)

    def put(self, key: _Key, answer: _Answer, *, seconds: float | None = None) -> None:
        """Keep an answer."""
        self._kept[key] = (self._clock() + (self._seconds if seconds is None else seconds), answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._maximum:
            self._kept.popitem(last=False)

    def forget(self, key: _Key) -> None:
        """Ask again next time."""
        self._kept.pop(key, None)

    async def _ask(self, key: _Key, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        try:
            answer = await ask()
            self.put(key, answer)
            return answer
        finally:
            self._asked.pop(key, None)
