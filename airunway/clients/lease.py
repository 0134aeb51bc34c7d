"""A lock on something in the cluster, as a Lease: held while it is renewed, free a while after it is not.

For what must not be done twice at once by whoever works on this cluster, whichever Temporal it belongs to.
Leader election is another thing: it holds one Lease for the life of a process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airunway.clients.errors import AlreadyExists, ApiError, ClientError, Conflict
from airunway.clients.kubernetes import LEASES, Cluster, Object

BEGUN = "airunway.ai/begun"
"""Annotation: what the holder was about to do. It is gone after an orderly end."""


class Held(ClientError):
    """Somebody else holds the lock."""


@dataclass
class Lock:
    """A lock that is held."""

    left_behind: str
    """What an earlier holder was doing when it was lost; empty: it came to an end."""
    begun: str = ""
    """Set it when what was begun did not come to an end, for the next holder to know."""
    lost: bool = False


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def locked(
    cluster: Cluster,
    name: str,
    *,
    namespace: str,
    holder: str,
    doing: str,
    lasts: timedelta = timedelta(seconds=10),
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Lock]:
    """Hold a lock. Raises Held when another holder's has not run out; its message names that one."""
    lock = await _acquire(cluster, name, namespace, holder, doing, lasts, now)
    task = asyncio.current_task()
    assert task is not None

    async def renew() -> None:
        last = now()
        while True:
            await asyncio.sleep(lasts.total_seconds() / 3)
            try:
                await _write(cluster, name, namespace, holder, doing, lasts, now())
                last = now()
            except Conflict:
                break
            except ApiError:
                if now() - last >= lasts:
                    break
        # Another may hold it by now: what is done under it must stop.
        lock.lost = True
        task.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield lock
    except asyncio.CancelledError:
        if not lock.lost:
            raise
        task.uncancel()
        raise Held(f"{name} could not be held: it was not renewed in time") from None
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if not lock.lost:
            # Also when it is cancelled: the next one must not wait for it to run out.
            with contextlib.suppress(ApiError):
                await asyncio.shield(_release(cluster, name, namespace, holder, keep=lock.begun))


async def _acquire(
    cluster: Cluster,
    name: str,
    namespace: str,
    holder: str,
    doing: str,
    lasts: timedelta,
    now: Callable[[], datetime],
) -> Lock:
    live = await cluster.find(LEASES, name, namespace=namespace)
    if live is None:
        with contextlib.suppress(AlreadyExists):
            await cluster.create(LEASES, _body(name, holder, doing, lasts, now()), namespace=namespace)
            return Lock(left_behind="")
        live = await cluster.get(LEASES, name, namespace=namespace)
    other = _holder(live)
    if other and other != holder and not _has_run_out(live, now()):
        raise Held(f"{name} is held by {other}")
    try:
        await _write(cluster, name, namespace, holder, doing, lasts, now(), before=live)
    except Conflict as err:
        raise Held(f"{name} was taken by another at the same moment") from err
    return Lock(left_behind=(live["metadata"].get("annotations") or {}).get(BEGUN, ""))


async def _write(
    cluster: Cluster,
    name: str,
    namespace: str,
    holder: str,
    doing: str,
    lasts: timedelta,
    now: datetime,
    *,
    before: Object | None = None,
) -> None:
    if before is None:
        before = await cluster.get(LEASES, name, namespace=namespace)
        if _holder(before) != holder:
            raise Conflict(f"Lease {name} is not held any more", status=409)
    body = _body(name, holder, doing, lasts, now)
    body["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
    await cluster.patch(LEASES, name, body, namespace=namespace)


async def _release(cluster: Cluster, name: str, namespace: str, holder: str, *, keep: str) -> None:
    live = await cluster.find(LEASES, name, namespace=namespace)
    if live is None or _holder(live) != holder:
        return
    body = {
        "metadata": {
            "resourceVersion": live["metadata"]["resourceVersion"],
            "annotations": {BEGUN: keep or None},
        },
        "spec": {"holderIdentity": ""},
    }
    await cluster.patch(LEASES, name, body, namespace=namespace)


def _body(name: str, holder: str, doing: str, lasts: timedelta, now: datetime) -> Object:
    return {
        "metadata": {"name": name, "annotations": {BEGUN: doing}},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, round(lasts.total_seconds())),
            "renewTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _has_run_out(lease: Object, now: datetime) -> bool:
    spec = lease.get("spec") or {}
    try:
        renewed = datetime.fromisoformat(spec["renewTime"])
    except (KeyError, ValueError):
        return True
    return now - renewed > timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
