"""A lock that is a Lease: one holder, free after its end, and after its holder was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.clients.kubernetes import LEASES, Cluster
from airunway.clients.lease import BEGUN, Held, locked
from tests.clusters import emulated_cluster

LASTS = timedelta(seconds=10)


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with emulated_cluster(tmp_path) as connected:
        yield connected


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def lock(cluster: Cluster, holder: str, clock: Clock | None = None, lasts: timedelta = LASTS):  # type: ignore[no-untyped-def]
    return locked(
        cluster,
        "lock",
        namespace="default",
        holder=holder,
        doing="install",
        lasts=lasts,
        now=clock or Clock(),
    )


async def test_there_is_one_holder_at_a_time(cluster: Cluster) -> None:
    async with lock(cluster, "a"):
        with pytest.raises(Held, match="held by a"):
            async with lock(cluster, "b"):
                pass

    async with lock(cluster, "b") as held:
        assert held.left_behind == ""


async def test_of_many_at_once_one_gets_it(cluster: Cluster) -> None:
    inside = 0

    async def try_it(name: str) -> bool:
        nonlocal inside
        try:
            async with lock(cluster, name):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0.01)
                inside -= 1
        except Held:
            return False
        return True

    results = await asyncio.gather(*(try_it(f"h{number}") for number in range(8)))

    assert any(results)


async def lost(cluster: Cluster, holder: str, clock: Clock) -> None:
    """A holder that vanishes without a word."""
    context = lock(cluster, holder, clock)
    await context.__aenter__()
    body = (await cluster.get(LEASES, "lock", namespace="default"))["spec"]
    await context.__aexit__(None, None, None)
    meta = {"annotations": {BEGUN: "install"}}
    await cluster.patch(LEASES, "lock", {"metadata": meta, "spec": body}, namespace="default")


async def test_a_lost_holder_is_waited_for_until_its_time_is_over(cluster: Cluster) -> None:
    clock = Clock()
    await lost(cluster, "a", clock)

    clock.now += LASTS - timedelta(seconds=1)
    with pytest.raises(Held):
        async with lock(cluster, "b", clock):
            pass
    clock.now += timedelta(seconds=2)

    async with lock(cluster, "b", clock) as held:
        assert held.left_behind == "install"
    async with lock(cluster, "c", clock) as held:
        assert held.left_behind == ""


async def test_a_holder_can_leave_word(cluster: Cluster) -> None:
    async with lock(cluster, "a") as held:
        held.begun = "install"

    async with lock(cluster, "b") as held:
        assert held.left_behind == "install"


async def test_a_holder_that_lost_it_is_stopped(cluster: Cluster) -> None:
    with pytest.raises(Held, match="could not be held"):
        async with lock(cluster, "a", lasts=timedelta(seconds=0.3)):
            taken = {"spec": {"holderIdentity": "b"}}
            await cluster.patch(LEASES, "lock", taken, namespace="default")
            await asyncio.Event().wait()

    lease = await cluster.get(LEASES, "lock", namespace="default")
    assert lease["spec"]["holderIdentity"] == "b"


async def test_it_is_free_at_once_when_its_holder_is_cancelled(cluster: Cluster) -> None:
    begun = asyncio.Event()

    async def hold() -> None:
        async with lock(cluster, "a"):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with lock(cluster, "b"):
        pass
