"""What tells an open page that something changed: only that, never what, so that nobody is told too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from airunway.web.fleet import LiveFleet

AT_MOST_EVERY = 1.0
"""Seconds between two: a page is read, not watched frame by frame, and a fleet changes all the time."""


async def changes(
    fleet: LiveFleet, namespace: str = "", name: str = "", *, pause: float = AT_MOST_EVERY
) -> AsyncIterator[int]:
    """A number now, and another one whenever anything changed; with a name: when that deployment did.

    Ends with the server.
    """
    version = fleet.version
    told = _revision(fleet, namespace, name)
    yield told
    while not fleet.is_over:
        version = await fleet.changed_after(version)
        now = _revision(fleet, namespace, name)
        if now != told:
            told = now
            yield told
            await asyncio.sleep(pause)


def _revision(fleet: LiveFleet, namespace: str, name: str) -> int:
    return fleet.revision(namespace, name) if name else fleet.version
