"""How many workflow tasks a worker takes at once, and how many workflows it keeps: sized to what it has.

A warm task (its workflow is in memory) costs some milliseconds. A cold one replays its history first: up to
a fifth of a second of processor time, in one Python process that has one processor. After a restart every
task is cold; if each slot took one they would all share that processor, and each would come near its time
limit. So cold tasks have few slots of their own, and warm ones never wait behind them. Figures:
docs/costs.md; measured by `benchmarks/replay.py` and `benchmarks/idle.py`.
"""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from temporalio.worker import (
    CustomSlotSupplier,
    FixedSizeSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    Worker,
    WorkerTuner,
)

STICKY_TIMEOUT = timedelta(seconds=3)
"""How long a task waits for the worker that has its workflow in memory. When that worker was killed, nobody
else gets the task before; the SDK's ten seconds were most of the time that such a deployment stood still. Not
less: in a burst a live worker is late too, and a task that leaves its queue costs a replay."""

BASE_MEMORY_BYTES = 250 * 2**20
"""A worker that serves everything and has nothing cached, at work."""
WORKFLOW_BYTES = 256 * 2**10
"""Of a deployment whose workflow is in memory."""
CACHE_SHARE = 0.5
"""Of the memory beyond the base; the rest is for activities, lists of objects and the garbage of both."""
MIN_CACHED, MAX_CACHED = 50, 5_000
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class WarmOrCold(SlotPermit):
    """A slot of one of the two kinds."""

    def __init__(self, pool: asyncio.Semaphore) -> None:
        self.pool = pool


class WorkflowTaskSlots(CustomSlotSupplier):
    """`warm` slots for tasks of workflows in memory, `cold` ones for new workflows and replays.

    For one worker. Slots are reserved in its event loop; they are released from any thread.
    """

    def __init__(self, *, warm: int, cold: int) -> None:
        self._warm, self._cold = asyncio.Semaphore(warm), asyncio.Semaphore(cold)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Wait for a slot of the queue that is to be polled: the worker's own one is warm."""
        self._loop = asyncio.get_running_loop()
        pool = self._warm if ctx.is_sticky else self._cold
        await pool.acquire()
        return WarmOrCold(pool)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """None: only a workflow that is started eagerly asks, and nothing here starts one so."""
        return None

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Nothing: a slot is taken from the poll on."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Give it to whoever waits."""
        permit = ctx.permit
        if self._loop is not None and isinstance(permit, WarmOrCold):
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                self._loop.call_soon_threadsafe(permit.pool.release)


STUCK_SECONDS = 30
"""After which a workflow that does not give back its thread is taken for stuck. The SDK's 2 s are none on a
busy machine with thousands of signals in one task; and a run that it interrupts it often cannot put away any
more, so that the run stands still until the worker is started again. Beyond the 10 s after which Temporal
gives the task out anew in any case."""


def give_tasks_time(worker: Worker) -> Worker:
    """The worker, with tasks that may take `STUCK_SECONDS`: the SDK has no option for that."""
    tasks = worker._workflow_worker
    if tasks is not None:
        tasks._deadlock_timeout_seconds = STUCK_SECONDS
    return worker


HEARTBEAT_THROTTLE = timedelta(seconds=1)
"""Signs of life go out as they are given: the SDK would keep one back until just before the silence is over
for which a worker is taken for dead."""

# Under the grace period of a pod, so that running activities end before the process is killed.
DRAIN_TIMEOUT = timedelta(seconds=8)


def core_tuner(*, warm: int, cold: int, activities: int) -> WorkerTuner:
    """The slots of the core's worker. Activities that run inline are counted apart."""
    return WorkerTuner.create_composite(
        workflow_supplier=WorkflowTaskSlots(warm=warm, cold=cold),
        activity_supplier=FixedSizeSlotSupplier(activities),
        local_activity_supplier=FixedSizeSlotSupplier(activities),
        nexus_supplier=FixedSizeSlotSupplier(1),
    )


def spare_the_collector() -> None:
    """Have Python's collector leave alone what lives as long as the process: modules, types, schemas.

    It would walk through all of that with each full collection. Once in a process: what a worker before this
    one left is still to be collected.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def cached_workflows(memory_bytes: int) -> int:
    """How many deployments' workflows fit into a process with so much memory."""
    room = max(0, memory_bytes - BASE_MEMORY_BYTES) * CACHE_SHARE
    return min(max(int(room / WORKFLOW_BYTES), MIN_CACHED), MAX_CACHED)


def memory_limit_bytes() -> int:
    """What this process may use: its container's limit, or the machine's memory if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [machine]
    for file in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not there, or "max"
            limits.append(int(file.read_text()))
    return min(limits)
