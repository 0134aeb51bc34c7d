"""Connections to our own servers on which nobody asks anything, which are closed after a while.

aiohttp waits for the head of a first request without end. So whoever reaches a port, and need not log in for
that, could hold connections open until the process has no file for anybody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

HEAD_WITHIN = timedelta(seconds=10)
"""From the connection to the end of the first request's head. Later: aiohttp's `keepalive_timeout`."""


class SilentConnections:
    """Closes them, of one application, which must not have been started yet."""

    def __init__(self, app: web.Application, *, within: timedelta = HEAD_WITHIN) -> None:
        self._within = within.total_seconds()
        self._heard: set[asyncio.BaseProtocol] = set()
        self._since: dict[asyncio.BaseProtocol, float] = {}
        app.middlewares.insert(0, self._listening())

    def _listening(self) -> Any:
        @web.middleware
        async def listen(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self._heard.add(request.protocol)
            return await handler(request)

        return listen

    @asynccontextmanager
    async def closed_on(self, runner: web.AppRunner) -> AsyncIterator[None]:
        """Look at the connections of a runner, which was set up, all the while."""
        looking = asyncio.create_task(self._look_forever(runner), name="silent connections")
        try:
            yield
        finally:
            looking.cancel()

    async def _look_forever(self, runner: web.AppRunner) -> None:
        while True:
            await asyncio.sleep(self._within / 4)
            self._look(runner, asyncio.get_running_loop().time())

    def _look(self, runner: web.AppRunner, now: float) -> None:
        open_ones = runner.server.connections if runner.server else []
        self._heard.intersection_update(open_ones)
        silent = [connection for connection in open_ones if connection not in self._heard]
        self._since = {connection: self._since.get(connection, now) for connection in silent}
        for connection in silent:
            if now - self._since[connection] >= self._within:
                connection.force_close()
