"""Over HTTP: `/healthz` while the process runs, `/readyz` once it does its work, and `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served
from airunway.metrics.families import READY
from airunway.metrics.registry import EXPOSITION
from airunway.workers.metrics_endpoint import metrics_served
from airunway.workers.settings import Settings

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2
"""How often it is seen whether all parts are ready, for the line in the log."""


@dataclass
class Ready:
    """What `/readyz` answers: set once everything of the process has started."""

    parts: dict[str, bool] = field(default_factory=dict)
    drain: Callable[[], Awaitable[None]] | None = None
    """To be awaited before the process stops, once it is known what for."""

    def __call__(self) -> bool:
        """Whether every part is ready."""
        return bool(self.parts) and all(self.parts.values())

    @property
    def missing(self) -> list[str]:
        """Parts that are not ready."""
        return [part for part, is_ready in self.parts.items() if not is_ready]


async def serve_probes(settings: Settings, ready: Ready) -> None:
    """Serve the probes, and the metrics where they have a port, until cancelled."""
    host = settings.listens_on
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(probes(settings.health_port, ready, host=host))
        stack.enter_context(EXPOSITION.looking(lambda: READY.set(int(ready()))))
        if settings.metrics_port:
            await stack.enter_async_context(metrics_served(settings.metrics_port, host=host))
        await _say_when_ready(ready)


async def _say_when_ready(ready: Ready) -> None:
    """One line when all parts are ready, one when they are not any more; for ever."""
    loop = asyncio.get_running_loop()
    began, said = loop.time(), False
    while True:
        if ready() is not said:
            said = not said
            if said:
                _log.info("ready", parts=sorted(ready.parts), after_seconds=round(loop.time() - began, 1))
            else:
                _log.warning("not ready any more", missing=ready.missing)
                began = loop.time()
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def probes(
    port: int,
    ready: Callable[[], bool],
    *,
    host: str = "127.0.0.1",
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[int]:
    """Serve the probes; yields the port, which is a free one for 0."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not ready yet\n")

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    async with served(app, host=host, port=port, limits=limits) as taken:
        yield taken
