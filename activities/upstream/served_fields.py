"""Which optional fields of providers' kinds are served here: operators may be older or newer than ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider

MEMORY_SECONDS = 300.0
"""An operator is seldom replaced, and who waits for a field of a new one can wait that long."""


class ServedFields:
    """Asks the API server once in a while, and only for providers that have such fields."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock
        self._known: dict[str, tuple[float, Collection[str]]] = {}

    async def of(self, provider: Provider) -> Collection[str]:
        """Those of `Provider.optional_fields` that are served. Raises ApiError."""
        if not provider.optional_fields:
            return ()
        asked, found = self._known.get(provider.name, (float("-inf"), ()))
        if self._clock() - asked > MEMORY_SECONDS:
            kind = provider.kinds[0]
            found = await self._cluster.discovery.served_fields(
                kind.api_version, kind.kind, provider.optional_fields
            )
            self._known[provider.name] = (self._clock(), found)
        return found
