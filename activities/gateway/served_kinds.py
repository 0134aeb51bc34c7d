"""Which gateway kinds the cluster serves, remembered by the process: CRDs come and go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from airunway.clients.coalescing import Coalesced
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import Cluster
from airunway.gateway.kinds import GROUPS, NOTHING_SERVED, ServedKinds, kinds_served, known_versions

_log = structlog.get_logger(__name__)

MEMORY_SECONDS = 60.0
FRESH_SECONDS = 1.0
"""A fleet that is told of a change at once asks once."""


class ServedGatewayKinds:
    """What the API server said last. A cluster without Gateway API costs one request a minute, for all."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock
        self._asked_at = float("-inf")
        self._ask = Coalesced(self.refresh)
        self.known: ServedKinds = NOTHING_SERVED
        """As far as anybody asked; nothing before."""

    def is_complete(self) -> bool | None:
        """Whether models can be published, without asking; None: nobody asked yet."""
        return None if self._asked_at == float("-inf") else self.known.complete

    async def now(self, *, fresh: bool = False) -> ServedKinds:
        """What is served. `fresh`: something may have changed just now. Raises ApiError."""
        if self._clock() - self._asked_at > (FRESH_SECONDS if fresh else MEMORY_SECONDS):
            await self._ask()
        return self.known

    async def run(self) -> None:
        """Ask once a minute until cancelled, so that `known` is true for whoever may not ask."""
        while True:
            try:
                await self.refresh()
            except ClientError as err:
                self._report(err)
            await asyncio.sleep(MEMORY_SECONDS)

    def _report(self, err: ClientError) -> None:
        log = _log.bind(error=str(err)[:200])
        self._cluster.outage.suspect(lambda: log.warning("gateway kinds cannot be discovered"))

    async def refresh(self) -> None:
        """Ask now. Raises ApiError."""
        groups = set(await self._cluster.discovery.served_group_versions())
        wanted = [one for group in GROUPS for one in known_versions(group) if one in groups]
        kinds = await asyncio.gather(*(self._cluster.discovery.served_kinds(one) for one in wanted))
        self.known, self._asked_at = kinds_served(dict(zip(wanted, kinds, strict=True))), self._clock()
