"""Leading by a Lease of a cluster, when the Lease itself is taken away. Who leads when: test_election.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import LEASES, Cluster, Object
from airunway.workers.leader import identity, run_as_leader

ANOTHERS = {
    "holderIdentity": "another",
    "leaseDurationSeconds": 3,
    "acquireTime": "2026-01-01T00:00:00.000000Z",
    "renewTime": "2026-01-01T00:00:00.000000Z",
}


async def given_lease(cluster: Cluster, spec: dict[str, Any]) -> Object:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": spec}
    return await cluster.create(LEASES, lease, namespace="default")


@asynccontextmanager
async def candidate(
    cluster: Cluster, *, lasts: timedelta = timedelta(seconds=3)
) -> AsyncIterator[asyncio.Queue[None]]:
    """A queue with an entry for each term that began."""
    terms: asyncio.Queue[None] = asyncio.Queue()

    async def work() -> None:
        terms.put_nowait(None)
        await asyncio.Event().wait()

    task = asyncio.create_task(
        run_as_leader(cluster, work, name="l", namespace="default", lease_duration=lasts)
    )
    try:
        async with asyncio.timeout(90):
            yield terms
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def lease_of(cluster: Cluster) -> Object:
    while True:
        try:
            return await cluster.get(LEASES, "l", namespace="default")
        except NotFound:
            await asyncio.sleep(0.05)


async def test_a_lease_that_is_deleted_is_made_again_by_who_stood_by(cluster: Cluster) -> None:
    before = await given_lease(cluster, ANOTHERS)
    async with candidate(cluster) as terms:
        await cluster.delete(LEASES, "l", namespace="default")

        await terms.get()

        now = await lease_of(cluster)
        assert now["metadata"]["uid"] != before["metadata"]["uid"]
        assert now["spec"]["holderIdentity"] != "another"


async def test_a_leader_whose_lease_is_deleted_makes_it_again_and_leads_on(cluster: Cluster) -> None:
    before = await given_lease(cluster, {})
    async with candidate(cluster, lasts=timedelta(seconds=12)) as terms:  # longer than any pause here
        await terms.get()
        held = await lease_of(cluster)
        await cluster.delete(LEASES, "l", namespace="default")

        now = await lease_of(cluster)

        assert now["metadata"]["uid"] != before["metadata"]["uid"]
        assert now["spec"]["holderIdentity"] == held["spec"]["holderIdentity"]
        assert terms.empty()


async def test_a_lease_that_somebody_gives_to_another_ends_the_term(cluster: Cluster) -> None:
    await given_lease(cluster, {})
    async with candidate(cluster) as terms:
        await terms.get()
        await cluster.patch(LEASES, "l", {"spec": ANOTHERS}, namespace="default")

        await terms.get()  # which is a second one: after the other's time has run out

        now = await lease_of(cluster)
        assert now["spec"]["holderIdentity"] != "another"
        assert now["spec"]["leaseTransitions"] == 2


async def test_an_orderly_stop_gives_the_lease_back(cluster: Cluster) -> None:
    async with candidate(cluster) as terms:
        await terms.get()

    assert not (await lease_of(cluster))["spec"].get("holderIdentity")


async def test_a_container_that_crashed_takes_up_its_pods_lease_when_it_is_started_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POD_NAME", "watcher-1")
    monkeypatch.setenv("POD_UID", "u-1")
    forever = timedelta(days=1)  # it cannot have run out within a test
    before = {**ANOTHERS, "holderIdentity": identity(), "leaseDurationSeconds": int(forever.total_seconds())}
    await given_lease(cluster, before)

    async with candidate(cluster, lasts=forever) as terms:
        await terms.get()


def test_elsewhere_each_process_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POD_UID", raising=False)

    assert identity() != identity()
