"""Slots of workflow tasks, and how many workflows are kept in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest
from temporalio.worker import SlotPermit

from airunway.workers.tuning import (
    BASE_MEMORY_BYTES,
    MAX_CACHED,
    MIN_CACHED,
    WORKFLOW_BYTES,
    WorkflowTaskSlots,
    cached_workflows,
    memory_limit_bytes,
)


@dataclass
class Poll:
    """What the SDK says of a reservation, as far as it is read."""

    is_sticky: bool


@dataclass
class Release:
    """What the SDK says of a slot that is given back, as far as it is read."""

    permit: SlotPermit


async def reserve(slots: WorkflowTaskSlots, *, warm: bool) -> SlotPermit:
    return await slots.reserve_slot(cast(Any, Poll(is_sticky=warm)))


async def test_a_replay_waits_for_a_slot_of_its_own_kind() -> None:
    slots = WorkflowTaskSlots(warm=2, cold=1)
    first = await reserve(slots, warm=False)

    second = asyncio.create_task(reserve(slots, warm=False))
    await asyncio.sleep(0)

    assert not second.done()
    slots.release_slot(cast(Any, Release(first)))
    assert isinstance(await asyncio.wait_for(second, 60), SlotPermit)


async def test_a_warm_task_never_waits_behind_replays() -> None:
    slots = WorkflowTaskSlots(warm=1, cold=1)
    await reserve(slots, warm=False)
    waiting = asyncio.create_task(reserve(slots, warm=False))

    warm = await asyncio.wait_for(reserve(slots, warm=True), 60)

    assert isinstance(warm, SlotPermit)
    waiting.cancel()


async def test_a_poll_that_is_given_up_takes_no_slot() -> None:
    slots = WorkflowTaskSlots(warm=1, cold=1)
    taken = await reserve(slots, warm=False)
    given_up = asyncio.create_task(reserve(slots, warm=False))
    await asyncio.sleep(0)

    given_up.cancel()
    slots.release_slot(cast(Any, Release(taken)))

    assert isinstance(await asyncio.wait_for(reserve(slots, warm=False), 60), SlotPermit)


async def test_a_slot_is_given_back_from_another_thread() -> None:
    slots = WorkflowTaskSlots(warm=1, cold=1)
    taken = await reserve(slots, warm=True)

    await asyncio.to_thread(slots.release_slot, cast(Any, Release(taken)))

    assert isinstance(await asyncio.wait_for(reserve(slots, warm=True), 60), SlotPermit)


@pytest.mark.parametrize(
    ("memory", "want"),
    [
        pytest.param(0, MIN_CACHED, id="nothing known of the memory"),
        pytest.param(BASE_MEMORY_BYTES, MIN_CACHED, id="a container that the worker alone fills"),
        pytest.param(BASE_MEMORY_BYTES + 600 * WORKFLOW_BYTES, 300, id="half of the rest is for workflows"),
        pytest.param(2**40, MAX_CACHED, id="a huge machine"),
    ],
)
def test_the_cache_is_as_large_as_the_memory_allows(memory: int, want: int) -> None:
    assert cached_workflows(memory) == want


def test_this_process_may_use_some_memory() -> None:
    assert memory_limit_bytes() > BASE_MEMORY_BYTES
