"""The loop of a controller: one key at a time is reconciled, soon after it changed, again after a failure.

Level-triggered: a key in the queue means "reconcile it", however often it was put there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from airunway.clients.errors import ClientError
from airunway.sandbox.operators.objects import Key

log = logging.getLogger("airunway.sandbox")

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Brings one object nearer to what it should be; answers after how many seconds to do so again, if at all."""

WORKERS = 8
FIRST_RETRY = 0.1
MAX_RETRY = 5.0


class Controller:
    """A queue of keys and the workers that empty it. One key is never worked on twice at a time."""

    def __init__(self, name: str, reconcile: Reconcile) -> None:
        self.name = name
        self._reconcile = reconcile
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def enqueue(self, key: Key) -> None:
        """Reconcile a key as soon as possible."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    def enqueue_after(self, key: Key, seconds: float) -> None:
        """Reconcile a key later; the earlier of two times counts."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and not timer.cancelled() and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(WORKERS):
                    workers.create_task(self._work())
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.enqueue(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            self._running.add(key)
            try:
                await self._step(key)
            finally:
                self._running.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.enqueue(key)

    async def _step(self, key: Key) -> None:
        try:
            after = await self._reconcile(key)
        except ClientError as err:
            log.debug("%s %s/%s: %s", self.name, *key, err)
            self._retry(key)
        except Exception:  # one object must not stop the controller for the others
            log.exception("%s failed at %s/%s", self.name, *key)
            self._retry(key)
        else:
            self._failures.pop(key, None)
            if after is not None:
                self.enqueue_after(key, after)

    def _retry(self, key: Key) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.enqueue_after(key, min(FIRST_RETRY * 2**failures, MAX_RETRY))
