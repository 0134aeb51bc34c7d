"""Probes over HTTP: `/healthz` while the process runs, `/readyz` once it does its work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from airunway.clients.silent_connections import SilentConnections
from airunway.workers.settings import Settings


@dataclass
class Ready:
    """What `/readyz` answers: set once everything of the process has started."""

    parts: dict[str, bool] = field(default_factory=dict)
    drain: Callable[[], Awaitable[None]] | None = None
    """To be awaited before the process stops, once it is known what for."""

    def __call__(self) -> bool:
        """Whether every part is ready."""
        return bool(self.parts) and all(self.parts.values())


async def serve_probes(settings: Settings, ready: Ready) -> None:
    """Serve the probes until cancelled."""
    async with probes(settings.health_port, ready, host=settings.listens_on):
        await asyncio.Event().wait()


@asynccontextmanager
async def probes(port: int, ready: Callable[[], bool], *, host: str = "127.0.0.1") -> AsyncIterator[int]:
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
    silent = SilentConnections(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        async with silent.closed_on(runner):
            yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
