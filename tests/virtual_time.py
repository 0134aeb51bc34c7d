"""An event loop whose clock jumps to whatever is due next: hours of waiting pass in no time, in order.

For code that takes its time from the loop (`asyncio.sleep`, `asyncio.timeout`, `loop.time()`) and waits for
nothing outside the process.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: says how long it would have."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("everything waits for something that will never happen")
        if not found and timeout:
            self._jump(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 1000 s, so that a moment is never mistaken for none."""

    def __init__(self) -> None:
        self._virtual = 1000.0
        super().__init__(_JumpingSelector(self._advance))

    def time(self) -> float:
        return self._virtual

    def _advance(self, seconds: float) -> None:
        self._virtual += seconds


def run_virtually(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of some work, with time that jumps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
