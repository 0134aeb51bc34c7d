"""Fails a test whose event loop stood still: one callback that took 200 ms in the product's code.

What counts is the processor time of the loop's own thread, by the callback, so that a machine that is busy
with other things does not count; where processors are slower, or shared at that moment, the limit grows with
what a fixed piece of work takes. A thread looks where the time goes: time in tests, fixtures, emulators and
imports is nobody's fault, nor is that of full garbage collections, whose heap is that of all tests before.

Registered by the conftest of each folder whose tests run an event loop.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd

LIMIT_SECONDS = 0.2
REFERENCE_SECONDS = 0.01
"""Of `_work` on the machine that the limit was set on."""
FULL = 2
"""The generation of a collection that goes through all objects."""
_SAMPLE_SECONDS = 0.02
_WORTH_A_LOOK = 0.25
"""Part of the limit that a callback has taken before its stack is looked at: most take less. To look at the
stack of a thread that runs is not safe in every CPython 3.11; a process died of it in ten thousand tests.
"""
_ROOT = Path(__file__).resolve().parents[1]
_PRODUCT = tuple(
    f"{_ROOT / folder}/" for folder in ("activities", "airunway", "providers", "workers", "workflows")
)
_SANDBOX = f"{_ROOT / 'airunway' / 'sandbox'}/"


def _work() -> int:
    return sum(number % 7 for number in range(200_000))


@functools.cache
def limit_seconds() -> float:
    """The limit on this machine, in processor time of a thread. What a process makes once is made by now."""
    model_deployment_crd(), provider_config_crd()
    return _limit_now()


def _limit_now() -> float:
    """As fast as processors are at this moment: two that are one core are half as fast together."""
    taken = []
    for _ in range(5):
        begun = time.thread_time()
        _work()
        taken.append(time.thread_time() - begun)
    return LIMIT_SECONDS * max(1.0, statistics.median(taken) / REFERENCE_SECONDS)


@dataclass
class Watchdog:
    """Watches the loop of the thread that it is made in."""

    limit: float
    found: list[str] = field(default_factory=list)
    _began: float | None = None
    """Processor time of the thread when the callback of now began."""

    def __post_init__(self) -> None:
        self._thread = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._thread)
        self._ended = threading.Event()
        self._collected, self._collecting_since = 0.0, 0.0

    def on_collection(self, phase: str, info: dict[str, int]) -> None:
        """The garbage collector begins or ends; a callback of `gc`. Its small rounds count."""
        if threading.get_ident() != self._thread or info["generation"] != FULL:
            return
        if phase == "start":
            self._collecting_since = self._spent()
        else:
            self._collected += self._spent() - self._collecting_since
            self._collecting_since = 0.0

    def _spent_on_code(self) -> float:
        """Processor time of the thread, without that of full garbage collections."""
        spent, since = self._spent(), self._collecting_since
        return spent - self._collected - (spent - since if since else 0.0)

    def _spent(self) -> float:
        return time.clock_gettime(self._clock)

    def run(self, handle: asyncio.Handle, original: Callable[[asyncio.Handle], None]) -> None:
        """One callback of some loop."""
        if threading.get_ident() != self._thread or self._began is not None:
            original(handle)
            return
        self._began = self._spent_on_code()
        try:
            original(handle)
        finally:
            self._began = None

    def watch(self) -> None:
        """Look where the time goes, until the test ends; run in a thread.

        What was spent since the last look counts for the code of now: a call of C code that lets nobody look
        is looked at when it returns to whoever called it.
        """
        callback, seen, ours = None, 0.0, 0.0
        while not self._ended.wait(_SAMPLE_SECONDS):
            began, spent = self._began, self._spent_on_code()
            if began is None or spent - began < self.limit * _WORTH_A_LOOK:
                continue
            frame = sys._current_frames().get(self._thread)
            if frame is None or self._began != began:
                continue
            if began != callback:
                callback, seen, ours = began, began, 0.0
            if is_ours(frame):
                before, ours = ours, ours + spent - seen
                if before <= self.limit < ours:
                    self.limit = max(self.limit, _limit_now())
                if before <= self.limit < ours:
                    stack = "".join(traceback.format_stack(frame, limit=8))
                    self.found.append(f"{ours:.2f} s of processor time, at last at\n{stack}")
            seen = spent

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()


def is_ours(frame: FrameType | None) -> bool:
    """Whether the product's code is at work: not tests', not an import."""
    ours = False
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        ours = ours or (name.startswith(_PRODUCT) and not name.startswith(_SANDBOX))
        frame = frame.f_back
    return ours


@pytest.fixture(autouse=True)
def loop_watchdog(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    """Fails the test when its event loop stood still."""
    watchdog = Watchdog(limit_seconds())
    original = asyncio.Handle._run

    def _run(handle: asyncio.Handle) -> None:
        watchdog.run(handle, original)

    monkeypatch.setattr(asyncio.Handle, "_run", _run)
    sampler = threading.Thread(target=watchdog.watch, daemon=True)
    sampler.start()
    gc.callbacks.append(watchdog.on_collection)
    yield watchdog
    gc.callbacks.remove(watchdog.on_collection)
    watchdog.end()
    sampler.join()
    if watchdog.found:
        pytest.fail("the event loop stood still: " + "\n".join(watchdog.found), pytrace=False)
