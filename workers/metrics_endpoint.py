"""`/metrics`: ours, then what the Temporal SDK's core measures, in one scrape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import structlog
from aiohttp import web

from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served
from airunway.clients.outages import OUTAGES
from airunway.metrics.families import OUTAGE
from airunway.metrics.registry import CONTENT_TYPE, EXPOSITION

_log = structlog.get_logger(__name__)

CORE_ANSWERS_WITHIN = timedelta(seconds=2)
"""It is in this process; a scrape waits ten seconds in all."""


@asynccontextmanager
async def metrics_served(
    port: int, *, host: str = "127.0.0.1", limits: ConnectionLimits | None = None
) -> AsyncIterator[int]:
    """Serve; yields the port, which is a free one for 0. Raises OSError when it is taken."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await metrics_text(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with served(app, host=host, port=port, limits=limits) as taken:
        yield taken


async def metrics_text() -> bytes:
    """What a scrape of this process answers."""
    with EXPOSITION.looking(_look_at_outages):
        ours = EXPOSITION.text()
    return b"".join([ours, *[await _core_text(url) for url in EXPOSITION.also_read]])


def _look_at_outages() -> None:
    for part, is_away in OUTAGES.states().items():
        OUTAGE.labels(part).set(int(is_away))


async def _core_text(url: str) -> bytes:
    """The core's part; empty when it does not answer, so that ours is there all the same."""
    timeout = aiohttp.ClientTimeout(total=CORE_ANSWERS_WITHIN.total_seconds())
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return await answer.read()
    except (aiohttp.ClientError, TimeoutError) as err:
        words = "the Temporal SDK's metrics could not be read; ours are served without"
        _log.warning(words, error=str(err)[:200])
        return b""
