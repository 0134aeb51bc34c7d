"""How every process of ours serves HTTP with aiohttp: one application, its connections guarded."""

from __future__ import annotations

import ssl as tls
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from airunway.clients.connection_guard import ConnectionGuard, ConnectionLimits, PeerAddress, listeners

_KEPT_LONGER = timedelta(seconds=5)
"""aiohttp closes an idle connection itself, and tells the peer."""


@asynccontextmanager
async def served(
    app: web.Application,
    *,
    host: str | None,
    port: int,
    ssl: tls.SSLContext | None = None,
    limits: ConnectionLimits | None = None,
    drain: timedelta = timedelta(seconds=10),
) -> AsyncIterator[int]:
    """Serve an application that has not been started yet; yields the port, which is a free one for 0.

    `host` None: every address, IPv4 and IPv6. How much a request may hold is the application's
    `client_max_size`. Raises OSError when the port is taken.
    """
    guard = ConnectionGuard(limits or ConnectionLimits())
    app.middlewares.insert(0, _telling(guard))
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=max(guard.limits.idle_within - _KEPT_LONGER, timedelta(0)).total_seconds(),
        shutdown_timeout=drain.total_seconds(),
    )
    await runner.setup()
    try:
        for listener in listeners(guard, host, port):
            await web.SockSite(runner, listener, ssl_context=ssl).start()
        async with guard.watching():
            yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _telling(guard: ConnectionGuard) -> Any:
    @web.middleware
    async def tell(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        with guard.request(_peer_of(request)) as arrived:
            request.content.on_eof(arrived)
            return await handler(request)

    return tell


def _peer_of(request: web.Request) -> PeerAddress | None:
    peer: PeerAddress | None = request.transport.get_extra_info("peername") if request.transport else None
    return peer
