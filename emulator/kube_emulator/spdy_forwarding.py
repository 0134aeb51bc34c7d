"""Answers `pods/portforward` over SPDY/3.1: on the connection itself, or within a WebSocket.

The first is what `kubectl` before 1.31 and libraries as old speak, the second what later ones try first. Each
connection has two streams, one for bytes and one for what went wrong. Source:
k8s.io/client-go/tools/portforward, k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

from aiohttp import WSMsgType, web

from . import reaching
from .errors import StatusError, bad_request
from .reaching import PodAddress
from .spdy import NotSpdy, Send, Session, Stream

Obj = dict[str, Any]
UPGRADE = "SPDY/3.1"
PROTOCOL = "portforward.k8s.io"
TUNNELLED = f"{UPGRADE}+{PROTOCOL}"
"""Sub-protocol of a WebSocket whose binary messages are pieces of what would be on the connection."""
_VERSION_HEADER = "X-Stream-Protocol-Version"
_PIECE = 32 * 1024  # bytes


async def forward_tunnelled(
    http: web.BaseRequest, pod: Obj, where: PodAddress | None
) -> web.WebSocketResponse:
    """Serves until the client goes."""
    socket = web.WebSocketResponse(protocols=(TUNNELLED,), max_msg_size=0)
    await socket.prepare(http)
    async with _Forwarding(pod, where, socket.send_bytes) as forwarding:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await forwarding.session.receive(message.data)
    with suppress(ConnectionError):
        await socket.close()
    return socket


async def forward(http: web.BaseRequest, pod: Obj, where: PodAddress | None) -> web.StreamResponse:
    """Serves until the client goes. Raises 400."""
    offered = http.headers.getall(_VERSION_HEADER, ())
    if offered and PROTOCOL not in [name.strip() for entry in offered for name in entry.split(",")]:
        raise bad_request(f"unable to upgrade: unable to negotiate protocol: server supports [{PROTOCOL}]")
    headers = {"Connection": "Upgrade", "Upgrade": UPGRADE, _VERSION_HEADER: PROTOCOL}
    response = web.StreamResponse(status=101, headers=headers)
    arriving = _Arriving()
    await response.prepare(http)
    http.protocol.set_parser(cast(Any, arriving))
    http.protocol.keep_alive(False)
    async with _Forwarding(pod, where, response.write) as forwarding:
        while piece := await arriving.pieces.get():
            await forwarding.session.receive(piece)
    http.protocol.force_close()
    return response


class _Arriving:
    """What takes the place of HTTP's parser, as a WebSocket's does."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    def feed_data(self, piece: bytes) -> tuple[bool, bytes]:
        self.pieces.put_nowait(bytes(piece))
        return False, b""

    def feed_eof(self) -> None:
        self.pieces.put_nowait(b"")


class _Forwarding:
    """The connections of one client: a pair of streams each, told apart by the header `requestid`."""

    def __init__(self, pod: Obj, where: PodAddress | None, send: Send) -> None:
        self._pod, self._where = pod, where
        self.session = Session(send, self._opened)
        self._halves: dict[str, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Forwarding:
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """What cannot be read, or a client that went, ends it all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return isinstance(error, NotSpdy | ConnectionError)

    def _opened(self, stream: Stream) -> None:
        kind, request = stream.headers.get("streamtype", ""), stream.headers.get("requestid", "")
        other = self._halves.pop(request, None)
        if other is None:
            self._halves[request] = stream
            return
        data, errors = (stream, other) if kind == "data" else (other, stream)
        task = asyncio.create_task(self._run(data, errors))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, data: Stream, errors: Stream) -> None:
        with suppress(ConnectionError):
            if said := await self._connected(data):
                await errors.write(said.encode())
            await data.end()
            await errors.end()

    async def _connected(self, data: Stream) -> str:
        """Pass bytes on until one side is gone; what went wrong, else empty."""
        text, meta = data.headers.get("port", ""), self._pod["metadata"]
        try:
            number = int(text) if text.isdecimal() else 0
            host, port = await reaching.address_of(self._where, self._pod, number)
            reader, writer = await asyncio.open_connection(host, port)
        except (OSError, StatusError) as error:
            return f"error forwarding port {text} to pod {meta['name']}, uid {meta['uid']}: {error}"
        ways = [asyncio.create_task(_out(data, writer)), asyncio.create_task(_back(reader, data))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
        return ""


async def _out(data: Stream, writer: asyncio.StreamWriter) -> None:
    """What the client says, and that it has said all; ends when it wants no more."""
    saying = asyncio.create_task(_say(data, writer))
    try:
        await data.gone.wait()
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)


async def _say(data: Stream, writer: asyncio.StreamWriter) -> None:
    while piece := await data.read():
        writer.write(piece)
        await writer.drain()
    writer.write_eof()


async def _back(reader: asyncio.StreamReader, data: Stream) -> None:
    while piece := await reader.read(_PIECE):
        await data.write(piece)
