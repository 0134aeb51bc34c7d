"""Answers `pods/portforward` over a WebSocket: connections to what a pod serves, several on one channel each.

Each asked-for port has two channels, one for bytes and one for what went wrong; on both the server first says
the port's number. Source: k8s.io/kubelet/pkg/cri/streaming/portforward and apimachinery's remotecommand
subprotocols.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from . import reaching
from .errors import StatusError, bad_request
from .reaching import PodAddress

Obj = dict[str, Any]
_BASE64 = ("base64.channel.k8s.io", "v4.base64.channel.k8s.io")
PROTOCOLS = ("v4.channel.k8s.io", "channel.k8s.io", *_BASE64)
_PIECE = 32 * 1024  # bytes


def ports_of(values: Sequence[str]) -> list[int]:
    """The `ports` of a query, each perhaps several with commas. Raises 400."""
    texts = [part for value in values for part in value.split(",")]
    if not texts:
        raise bad_request('query parameter "port" is required')
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise bad_request(f'unable to parse "{text}" as a port number')
    return [int(text) for text in texts]


async def forward(
    http: web.BaseRequest, pod: Obj, ports: Sequence[int], where: PodAddress | None
) -> web.WebSocketResponse:
    """Serves until the client goes or all connections have ended."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0)
    await socket.prepare(http)
    channels = [_Forwarded(socket, 2 * index, pod, port, where) for index, port in enumerate(ports)]
    for channel in channels:
        await channel.announce()
    tasks = [asyncio.create_task(channel.run()) for channel in channels]
    reading = asyncio.create_task(_read(socket, channels))
    try:
        ended = asyncio.ensure_future(asyncio.wait(tasks))
        await asyncio.wait({ended, reading}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
    finally:
        for task in (reading, *tasks):
            task.cancel()
        await asyncio.gather(reading, *tasks, return_exceptions=True)
        with suppress(ConnectionError):
            await socket.close()
    return socket


async def _read(socket: web.WebSocketResponse, channels: Sequence[_Forwarded]) -> None:
    """Deal out what the client sends."""
    async for message in socket:
        number, data = _taken_apart(message)
        if number % 2 == 0 and number // 2 < len(channels):
            await channels[number // 2].receive(data)


def _taken_apart(message: WSMessage) -> tuple[int, bytes]:
    """The channel of a message, an odd one if there is none, and its bytes."""
    if message.type is WSMsgType.BINARY and message.data:
        return message.data[0], message.data[1:]
    if message.type is WSMsgType.TEXT and message.data[:1].isdecimal():
        with suppress(ValueError):
            return int(message.data[0]), base64.b64decode(message.data[1:])
    return 1, b""


class _Forwarded:
    """One port: its connection and its two channels."""

    def __init__(
        self, socket: web.WebSocketResponse, channel: int, pod: Obj, port: int, where: PodAddress | None
    ) -> None:
        self._socket, self._channel = socket, channel
        self._pod, self._port, self._where = pod, port, where
        self._writer: asyncio.StreamWriter | None = None
        self._decided = asyncio.Event()

    async def announce(self) -> None:
        """Say on both channels which port they are for."""
        number = self._port.to_bytes(2, "little")
        await self._send(self._channel, number)
        await self._send(self._channel + 1, number)

    async def run(self) -> None:
        """Connect, and pass on what the pod says until it ends."""
        try:
            host, port = await reaching.address_of(self._where, self._pod, self._port)
            reader, writer = await asyncio.open_connection(host, port)
        except (OSError, StatusError) as error:
            self._decided.set()
            meta = self._pod["metadata"]
            about = f"error forwarding port {self._port} to pod {meta['name']}, uid {meta['uid']}"
            await self._send(self._channel + 1, f"{about}: {error}".encode())
            return
        self._writer = writer
        self._decided.set()
        try:
            while piece := await reader.read(_PIECE):
                await self._send(self._channel, piece)
        except ConnectionError:
            pass  # one of both sides is gone
        finally:
            writer.close()

    async def receive(self, data: bytes) -> None:
        """Pass on what the client says; when nothing listens, it is lost."""
        await self._decided.wait()
        if self._writer is not None:
            with suppress(ConnectionError):
                self._writer.write(data)
                await self._writer.drain()

    async def _send(self, channel: int, data: bytes) -> None:
        if self._socket.ws_protocol in _BASE64:
            await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await self._socket.send_bytes(bytes([channel]) + data)
