"""A codec server: decrypts payloads for Temporal's UI and command line, which have no keys themselves.

`POST /encode` and `/decode` take and give `{"payloads": […]}`, protobuf's JSON, as the UI and `temporal
--codec-endpoint` send it. Whoever calls it must know the token: it turns what Temporal stores into plain
text. The UI can be told an address only, no token of its own, so the token may also stand in the path:
`/token/<token>/decode`. Nothing logs paths.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web
from google.protobuf.json_format import MessageToJson, ParseError
from google.protobuf.json_format import Parse as parse_json
from temporalio.api.common.v1 import Payloads
from temporalio.converter import PayloadCodec

from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served
from airunway.clients.payload_codec import PayloadKeyError

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""A page of a history at once: the UI sends all payloads it shows."""
PREFLIGHT_SECONDS = 600
HEADERS = "Authorization, Content-Type, X-Namespace"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CodecServer:
    """The routes. `origins`: pages that may call it, as `https://temporal.example.com`."""

    def __init__(self, codec: PayloadCodec, *, token: str, origins: Collection[str]) -> None:
        self._codec = codec
        self._token = token.encode()
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    def app(self) -> web.Application:
        """The application, to be served."""
        app = web.Application(middlewares=[self._cors], client_max_size=MAX_REQUEST_BYTES)
        for prefix in ("", "/token/{token}"):
            app.router.add_post(f"{prefix}/encode", self._encode)
            app.router.add_post(f"{prefix}/decode", self._decode)
        return app

    async def _encode(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._codec.encode_wrapper)

    async def _decode(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._codec.decode_wrapper)

    async def _answer(
        self, request: web.Request, work: Callable[[Payloads], Awaitable[None]]
    ) -> web.StreamResponse:
        if not self._is_known(request):
            return web.Response(status=401, text="the codec server's token is missing or wrong\n")
        try:
            payloads = parse_json(await request.text(), Payloads())
        except (ParseError, UnicodeDecodeError) as err:
            return web.Response(status=400, text=f"these are no payloads: {err}\n")
        try:
            await work(payloads)
        except PayloadKeyError as err:
            return web.Response(status=400, text=f"{err}\n")
        return web.Response(text=MessageToJson(payloads), content_type="application/json")

    def _is_known(self, request: web.Request) -> bool:
        scheme, _, word = request.headers.get("Authorization", "").partition(" ")
        given = request.match_info.get("token") or (word if scheme.lower() == "bearer" else "")
        return hmac.compare_digest(given.encode(), self._token)

    @web.middleware
    async def _cors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the pages of our origins read answers; a browser keeps them from any other page."""
        if request.method == "OPTIONS":
            answer: web.StreamResponse = web.Response(status=204)
        else:
            answer = await handler(request)
        origin = request.headers.get("Origin", "")
        answer.headers["Vary"] = "Origin"
        if origin in self._origins:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Credentials"] = "true"
            answer.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            answer.headers["Access-Control-Allow-Headers"] = HEADERS
            answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
            if request.headers.get("Access-Control-Request-Private-Network") == "true":
                # Chrome asks this when a public page, as Temporal Cloud's, calls a server of this machine.
                answer.headers["Access-Control-Allow-Private-Network"] = "true"
        return answer


@asynccontextmanager
async def serving(
    server: CodecServer,
    *,
    host: str,
    port: int,
    ssl: SSLContext | None = None,
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[int]:
    """Serve; yields the port. Raises OSError when it is taken."""
    async with served(server.app(), host=host, port=port, ssl=ssl, limits=limits) as taken:
        yield taken
