"""One attempt to build an image: watched for stalls, reporting how far it is.

Every second the progress goes out as a heartbeat, which Temporal keeps beside the history. The workflow is
notified by signal, which costs history, so ever more seldom the longer it takes: every second at first, and
some two hundred times in four hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from airunway.activities.model_image.errors import BuildStalled
from airunway.activities.model_image.options import Builder, BuildOrder
from airunway.messages.model_image import MIN_BYTES_PER_SECOND, PROGRESS_SHARE, BuildProgress
from airunway.modelimage.plan import human_bytes

SIGNAL_FIRST_SECONDS, SIGNAL_EVERY_SECONDS = 1.0, 5.0
EARLY_SHARE = 1 / 5
"""Of the time since the start: the least interval between signals, up to the usual interval; beyond it
`PROGRESS_SHARE`."""


class WatchedBuild:
    """One attempt.

    Args:
        beat: sends a heartbeat.
        signal: signals the workflow; must not raise.
        stall: how long nothing may move, where the daemon counts bytes. BuildKit (v0.34) does not for
            downloads and pushes; then the whole model at a slow line's pace comes on top.
        quiet: how long nothing is reported to the workflow; for attempts after others that failed soon.
        clock: seconds, monotonic.
        tick: seconds between checks.
    """

    def __init__(
        self,
        order: BuildOrder,
        *,
        beat: Callable[[BuildProgress], None],
        signal: Callable[[BuildProgress], Awaitable[None]],
        stall: timedelta,
        quiet: timedelta = timedelta(0),
        clock: Callable[[], float] = time.monotonic,
        tick: float = 1.0,
    ) -> None:
        self._order = order
        self._beat, self._signal, self._clock, self._tick = beat, signal, clock, tick
        self._stall_seconds, self._quiet_seconds = stall.total_seconds(), quiet.total_seconds()
        self._progress = BuildProgress(step="starting", total_bytes=order.plan.total_bytes)
        self._started = self._moved = clock()
        self._counts = False
        """Bytes have been seen to move within the present step."""
        self._last_signal: tuple[float, str] = (float("-inf"), "")

    async def run(self, builder: Builder) -> str:
        """Build; answers the digest. Raises BuildStalled, and what the builder raises."""
        build = asyncio.create_task(builder.build(self._order, on_progress=self._on_progress))
        try:
            while not build.done():
                self._beat(self._progress)
                await self._signal_in_turn()
                if self._clock() - self._moved > self._patience:
                    raise BuildStalled(self._stalled())
                await asyncio.wait([build], timeout=self._tick)
            return build.result()
        finally:
            build.cancel()
            # The builder stops the solve before it lets go; its error, if any, was raised above.
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await build

    def _on_progress(self, progress: BuildProgress) -> None:
        before = self._progress
        if (progress.step, progress.done_bytes) != (before.step, before.done_bytes):
            self._moved = self._clock()
            self._counts = progress.step == before.step
        self._progress = progress

    @property
    def _patience(self) -> float:
        unseen = 0 if self._counts else self._order.plan.total_bytes / MIN_BYTES_PER_SECOND
        return self._stall_seconds + unseen

    async def _signal_in_turn(self) -> None:
        now = self._clock()
        when, step = self._last_signal
        since = now - self._started
        if since < self._quiet_seconds:
            return
        early = min(max(since * EARLY_SHARE, SIGNAL_FIRST_SECONDS), SIGNAL_EVERY_SECONDS)
        interval = max(early, since * PROGRESS_SHARE)
        if step != self._progress.step or now - when >= interval:
            self._last_signal = (now, self._progress.step)
            await self._signal(self._progress)

    def _stalled(self) -> str:
        seen = self._progress
        done = f" at {human_bytes(seen.done_bytes)} of {human_bytes(seen.total_bytes)}"
        return (
            f"no progress for {self._stall_seconds:.0f} s while {seen.step}{done if seen.total_bytes else ''}"
        )
