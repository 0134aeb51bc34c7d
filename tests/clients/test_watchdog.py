"""The watchdog of these tests finds a loop that stands still, and only that."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable, ValuesView

import pytest

from airunway.api.bounds import has_more_elements_than
from airunway.clients.bounded_json import read_json
from tests.watchdog import Watchdog, limit_seconds

LARGE = [[[1, 2], {"a": 3}]] * 10_000


def _busy_in_the_product() -> None:
    began = time.thread_time()
    while time.thread_time() - began < 3 * limit_seconds():
        has_more_elements_than(LARGE, 10**9)


def _busy_in_a_test() -> None:
    began = time.thread_time()
    while time.thread_time() - began < 3 * limit_seconds():
        sum(range(1000))


def _busy_in_c(call: Callable[[bytes], object]) -> None:
    """One call that lets nobody else run; no piece of it is large enough to be cut."""
    elements = b"[]," * 100_000
    gc.disable()  # full collections do not count
    try:
        began = time.thread_time()
        json.loads(b"[%b1]" % elements)
        times = int(3 * limit_seconds() / (time.thread_time() - began)) + 1
        call(b"[[%b1]]" % (elements * times))
    finally:
        gc.enable()


def _busy_in_c_for_the_product() -> None:
    _busy_in_c(read_json)


def _busy_in_c_for_a_test() -> None:
    _busy_in_c(json.loads)


class _Collecting(dict[str, object]):
    """A document at whose reading the garbage collector goes through all that there is, for long enough."""

    def values(self) -> ValuesView[object]:
        began = time.thread_time()
        while time.thread_time() - began < 3 * limit_seconds():
            gc.collect()
        return super().values()


def _collects_in_the_product() -> None:
    has_more_elements_than(_Collecting(), 1)


async def _in_one_callback(work: Callable[[], None]) -> None:
    done = asyncio.get_running_loop().create_future()

    def call() -> None:
        work()
        done.set_result(None)

    asyncio.get_running_loop().call_soon(call)
    await done


@pytest.mark.parametrize("work", [_busy_in_the_product, _busy_in_c_for_the_product])
async def test_a_loop_that_stands_still_is_found(work: Callable[[], None], loop_watchdog: Watchdog) -> None:
    await _in_one_callback(work)

    async with asyncio.timeout(60):  # who watches looks how fast processors are before he says it
        while not loop_watchdog.found:
            await asyncio.sleep(0.05)
    loop_watchdog.found.clear()


@pytest.mark.parametrize("work", [_busy_in_a_test, _busy_in_c_for_a_test])
async def test_a_preparation_of_a_test_is_not(work: Callable[[], None], loop_watchdog: Watchdog) -> None:
    await _in_one_callback(work)

    assert not loop_watchdog.found


async def test_the_garbage_of_the_tests_before_is_not(loop_watchdog: Watchdog) -> None:
    await _in_one_callback(_collects_in_the_product)

    assert not loop_watchdog.found


async def test_work_in_a_thread_and_waiting_are_not(loop_watchdog: Watchdog) -> None:
    await asyncio.to_thread(_busy_in_the_product)
    await _in_one_callback(lambda: time.sleep(2 * limit_seconds()))

    assert not loop_watchdog.found
