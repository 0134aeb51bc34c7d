"""A gate before the UI of Temporal's development server, which answers whoever reaches it, by whatever name.

The UI shows and changes every workflow. So that no page in somebody's browser comes by it (see
`kube_emulator.local_hosts`), it listens on a port, and where the system has more than one on a loopback
address, that is drawn by lot, and this gate on the well-known port passes on what comes from this machine
itself.
"""

from __future__ import annotations

import secrets
import socket
from typing import Self

import aiohttp
from aiohttp import web

from kube_emulator.local_hosts import comes_from_here

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"})
_MAX_BODY_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


def hidden_address() -> str:
    """A loopback address that nobody guesses; 127.0.0.1 where there is no other one."""
    drawn = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    with socket.socket() as probe:
        try:
            probe.bind((drawn, 0))
        except OSError:
            return "127.0.0.1"
    return drawn


class UiGate:
    """Passes requests on from `port` on 127.0.0.1 to `upstream`, while the context is open."""

    def __init__(self, *, port: int, upstream: str) -> None:
        self._port = port
        self._upstream = upstream
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if not comes_from_here(request.headers):
            return web.Response(status=403, text="this is for browsers of this machine, by its own name\n")
        assert self._session is not None
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        body = await request.read()
        try:
            async with self._session.request(
                request.method,
                f"{self._upstream}{request.raw_path}",
                headers=kept,
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            ) as found:
                answer = web.StreamResponse(status=found.status, reason=found.reason)
                for name, value in found.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        answer.headers.add(name, value)
                await answer.prepare(request)
                async for piece in found.content.iter_chunked(_PIECE_BYTES):
                    await answer.write(piece)
                await answer.write_eof()
                return answer
        except aiohttp.ClientError:
            return web.Response(status=502, text="Temporal's UI does not answer; it may be starting again\n")
