"""The web process' connections, told apart for their guard: who asks slowly, who waits, who is served."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunway.clients.connection_guard import ConnectionGuard

READ_WITHIN = timedelta(minutes=1)
"""For a part of an answer, by whoever asked; what follows logs sends parts as they come."""
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding"})


class GuardedApp:
    """Outside of everything, so that requests that are refused are seen too."""

    def __init__(self, app: ASGIApp, guard: ConnectionGuard, *, read_within: timedelta = READ_WITHIN) -> None:
        self._app, self._guard, self._read_within = app, guard, read_within.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        peer = scope.get("client")
        with self._guard.request(peer) as arrived:

            async def receive_noted() -> Message:
                message = await receive()
                if not message.get("more_body", False):
                    arrived()
                return message

            async def send_in_time(message: Message) -> None:
                try:
                    async with asyncio.timeout(self._read_within):
                        await send(message)
                except TimeoutError:
                    self._guard.drop(peer)

            if _OF_BODIES.isdisjoint(name for name, _ in scope.get("headers", ())):
                arrived()
            await self._app(scope, receive_noted, send_in_time)
