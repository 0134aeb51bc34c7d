"""One at a time, through a Lease: the official client's leader election, made patient.

The library ends its run on errors it does not expect and keeps the Lease when it stops; here an unreachable
API server is waited for, and an orderly stop lets the next one take over at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from airunway.clients.errors import AlreadyExists, ApiError, NotFound
from airunway.clients.kubernetes import LEASES, Cluster

_log = structlog.get_logger(__name__)

RETRY_DELAY_SECONDS = 2.0


def identity() -> str:
    """A name for this process that no other has."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"


async def run_as_leader(
    cluster: Cluster,
    work: Callable[[], Awaitable[None]],
    *,
    name: str,
    namespace: str,
    lease_duration: timedelta,
) -> None:
    """Do the work while holding the Lease; wait for it before, and again after losing it. Until cancelled."""
    me = identity()
    seconds = max(lease_duration.total_seconds(), 3.0)
    try:
        while True:
            term = _Term(work, f"{namespace}/{name}", me)
            election = LeaderElection(
                Config(
                    _ElectionLock(name, namespace, me, cluster.api_client),
                    lease_duration=int(seconds),  # written as given, and the API wants whole ones
                    renew_deadline=seconds * 2 / 3,
                    retry_period=max(seconds / 7.5, 1.01),  # the library takes nothing shorter
                    onstarted_leading=term.lead,
                    onstopped_leading=_lost,
                )
            )
            try:
                await _ensure_lease(cluster, name, namespace)
                await term.until_over(election.run())
            except (ApiError, aiohttp.ClientError, OSError, TimeoutError, ApiException) as err:
                _log.warning("the Lease cannot be reached; trying again", error=str(err)[:200])
            await asyncio.sleep(RETRY_DELAY_SECONDS)
    finally:
        await asyncio.shield(_release(cluster, name, namespace, me))


class _ElectionLock(LeaseLock):
    """A Lease that is made here only: the library's own create is refused by its own type check."""

    async def create(self, *_: Any, **__: Any) -> bool:
        """Asked for when the Lease is gone: then the election begins again, by making one."""
        raise NotFound("the Lease was deleted", status=404)


class _Term:
    """One election and the time of leading after it.

    The library starts the work as a task of its own and neither notices when that fails nor ends it when
    the election itself is cancelled; both are done here.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], lease: str, me: str) -> None:
        self._work, self._lease, self._me = work, lease, me
        self._leading: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def lead(self) -> None:
        """Do the work; called by the library once the Lease is held."""
        _log.info("leading", lease=self._lease, identity=self._me)
        self._leading = asyncio.current_task()
        try:
            await self._work()
        finally:
            self._ended.set()

    async def until_over(self, election: Coroutine[Any, Any, None]) -> None:
        """Until the Lease is lost or the work ends. Raises what either raised."""
        running = asyncio.create_task(election)
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (running, ended, self._leading):
                if task is not None:
                    task.cancel()
            left = [task for task in (running, ended, self._leading) if task is not None]
            results = await asyncio.gather(*left, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result


async def _lost() -> None:
    _log.warning("the Lease was lost; watching stops until it is held again")


async def _ensure_lease(cluster: Cluster, name: str, namespace: str) -> None:
    """Create the Lease, held by nobody."""
    body = {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": {"name": name}, "spec": {}}
    if await cluster.find(LEASES, name, namespace=namespace) is None:
        with contextlib.suppress(AlreadyExists):
            await cluster.create(LEASES, body, namespace=namespace)


async def _release(cluster: Cluster, name: str, namespace: str, me: str) -> None:
    try:
        lease = await cluster.find(LEASES, name, namespace=namespace)
        if lease is None or (lease.get("spec") or {}).get("holderIdentity") != me:
            return
        nobody = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": None}
        await cluster.patch(LEASES, name, nobody, namespace=namespace)
    except ApiError as err:
        _log.info("the Lease was not released; it expires by itself", error=str(err)[:200])
