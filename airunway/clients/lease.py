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


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What one holder reads and writes of one Lease."""

    cluster: Cluster
    name: str
    namespace: str
    holder: str
    doing: str
    lasts: timedelta
    now: Callable[[], datetime]

    async def acquire(self) -> Lock:
        """Take the Lease if it is free. Raises Held."""
        live = await self._find()
        if live is None:
            with contextlib.suppress(AlreadyExists):
                await self.cluster.create(LEASES, self._body(), namespace=self.namespace)
                return Lock(left_behind="")
            live = await self._get()
        other = _holder(live)
        if other and other != self.holder and not _has_run_out(live, self.now()):
            raise Held(f"{self.name} is held by {other}")
        try:
            await self._write(live)
        except Conflict as err:
            raise Held(f"{self.name} was taken by another at the same moment") from err
        return Lock(left_behind=(live["metadata"].get("annotations") or {}).get(BEGUN, ""))

    async def renew(self) -> None:
        """Hold it for longer. Raises Conflict when another has it by now."""
        live = await self._get()
        if _holder(live) != self.holder:
            raise Conflict(f"Lease {self.name} is not held any more", status=409)
        await self._write(live)

    async def renew_until_lost(self) -> None:
        """Renew again and again; returns when it is another's, or could not be renewed in time."""
        last = self.now()
        while True:
            await asyncio.sleep(self.lasts.total_seconds() / 3)
            try:
                await self.renew()
                last = self.now()
            except Conflict:
                return
            except ApiError:
                if self.now() - last >= self.lasts:
                    return

    async def release(self, *, keep: str) -> None:
        """Leave it to the next holder. `keep`: what was begun and did not come to an end."""
        live = await self._find()
        if live is None or _holder(live) != self.holder:
            return
        metadata = {
            "resourceVersion": live["metadata"]["resourceVersion"],
            "annotations": {BEGUN: keep or None},
        }
        body = {"metadata": metadata, "spec": {"holderIdentity": ""}}
        await self.cluster.patch(LEASES, self.name, body, namespace=self.namespace)

    async def _find(self) -> Object | None:
        return await self.cluster.find(LEASES, self.name, namespace=self.namespace)

    async def _get(self) -> Object:
        return await self.cluster.get(LEASES, self.name, namespace=self.namespace)

    async def _write(self, before: Object) -> None:
        body = self._body()
        body["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        await self.cluster.patch(LEASES, self.name, body, namespace=self.namespace)

    def _body(self) -> Object:
        return {
            "metadata": {"name": self.name, "annotations": {BEGUN: self.doing}},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, round(self.lasts.total_seconds())),
                "renewTime": self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }


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
    claim = _Claim(
        cluster=cluster, name=name, namespace=namespace, holder=holder, doing=doing, lasts=lasts, now=now
    )
    lock = await claim.acquire()
    task = asyncio.current_task()
    assert task is not None

    async def stop_when_lost() -> None:
        await claim.renew_until_lost()
        # Another may hold it by now: what is done under it must stop.
        lock.lost = True
        task.cancel()

    renewing = asyncio.create_task(stop_when_lost())
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
                await asyncio.shield(claim.release(keep=lock.begun))


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _has_run_out(lease: Object, now: datetime) -> bool:
    spec = lease.get("spec") or {}
    try:
        renewed = datetime.fromisoformat(spec["renewTime"])
    except (KeyError, ValueError):
        return True
    return now - renewed > timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
