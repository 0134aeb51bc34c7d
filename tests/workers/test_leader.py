"""Leading by a Lease, when the Lease itself is taken away."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import pytest

from airunway.clients.kubernetes import LEASES, Cluster
from airunway.workers.leader import run_as_leader

FRESH = {
    "holderIdentity": "another",
    "leaseDurationSeconds": 3600,
    "acquireTime": "2026-01-01T00:00:00.000000Z",
    "renewTime": "2026-01-01T00:00:00.000000Z",
}


@pytest.mark.parametrize("spec", [pytest.param(FRESH, id="standing by"), pytest.param({}, id="leading")])
async def test_a_lease_that_was_deleted_is_made_again(cluster: Cluster, spec: dict[str, Any]) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": spec}
    made = await cluster.create(LEASES, lease, namespace="default")
    terms: asyncio.Queue[None] = asyncio.Queue()

    async def work() -> None:
        terms.put_nowait(None)
        await asyncio.Event().wait()

    task = asyncio.create_task(
        run_as_leader(cluster, work, name="l", namespace="default", lease_duration=timedelta(seconds=3))
    )
    try:
        async with asyncio.timeout(30):
            if not spec:
                await terms.get()
            await cluster.delete(LEASES, "l", namespace="default")

            await terms.get()

        now = await cluster.get(LEASES, "l", namespace="default")
        assert now["metadata"]["uid"] != made["metadata"]["uid"]
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
