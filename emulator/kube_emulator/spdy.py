"""The part of SPDY/3.1 that carries streams of bytes with headers: what `kubectl` forwards ports with.

Apart, since it knows nothing of ports: a session is fed with what the other side sends, on whatever channel,
and sends by a function. Streams are opened by the other side alone. Windows are not kept, as Kubernetes' own
library (moby/spdystream) does not. Source: the draft "SPDY Protocol" 3.1, chapter 2.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    "content-language content-length content-location content-md5 content-range content-type date "
    "etag expect expires from host if-match if-modified-since if-none-match if-range "
    "if-unmodified-since last-modified location max-forwards pragma proxy-authenticate "
    "proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url "
    "public set-cookie keep-alive origin"
)
_TEXT = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 "
    b"Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 "
    b"Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service "
    b"UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, "
    b"Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+"
    b"xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8"
    b"859-1,utf-,*,enq=0."
)
SYN_STREAM, SYN_REPLY, RST_STREAM, PING = 1, 2, 3, 6
_VERSION, _CONTROL, _FIN = 3, 0x80000000, 1
_MAX_HEADERS = 64 * 1024
_PIECES = 64
"""Of a stream, that may wait to be read; more hold the session up."""
Send = Callable[[bytes], Awaitable[None]]


def _counted(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


DICTIONARY = b"".join(_counted(word.replace("_", " ").encode()) for word in _WORDS.split()) + _TEXT
"""What both sides' compression of headers begins with."""


class NotSpdy(ValueError):
    """What came cannot be read, so nothing that follows can."""


class Headers:
    """One direction's block of headers: each is compressed with what went before it."""

    def __init__(self) -> None:
        self._out, self._in = zlib.compressobj(zdict=DICTIONARY), zlib.decompressobj(zdict=DICTIONARY)

    def packed(self, headers: Mapping[str, str]) -> bytes:
        """As a frame carries them."""
        pairs = b"".join(_counted(name.encode()) + _counted(text.encode()) for name, text in headers.items())
        plain = struct.pack(">I", len(headers)) + pairs
        return self._out.compress(plain) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def unpacked(self, block: bytes) -> dict[str, str]:
        """By lower-case names. Raises NotSpdy."""
        try:
            plain = self._in.decompress(block, _MAX_HEADERS)
            texts, place = [], 4
            for _ in range(2 * struct.unpack_from(">I", plain)[0]):
                (length,) = struct.unpack_from(">I", plain, place)
                texts.append(plain[place + 4 : place + 4 + length].decode())
                place += 4 + length
        except (zlib.error, struct.error, UnicodeDecodeError) as err:
            raise NotSpdy("headers that cannot be read") from err
        return dict(zip([name.lower() for name in texts[::2]], texts[1::2], strict=True))


def control(kind: int, payload: bytes, *, flags: int = 0) -> bytes:
    """A control frame."""
    return struct.pack(">HHI", 0x8000 | _VERSION, kind, flags << 24 | len(payload)) + payload


def data(stream: int, piece: bytes, *, last: bool = False) -> bytes:
    """A data frame."""
    return struct.pack(">II", stream, (_FIN if last else 0) << 24 | len(piece)) + piece


class Stream:
    """Opened by the other side, with headers; bytes both ways."""

    def __init__(self, number: int, headers: Mapping[str, str], send: Send) -> None:
        self.number, self.headers, self._send = number, headers, send
        self.gone = asyncio.Event()
        """The other side wants no more of it."""
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES)

    async def receive(self, piece: bytes, *, last: bool) -> None:
        """What the other side sent; lost once nobody wants the stream."""
        for part in (piece, b"" if last else None):
            if part is not None and not self.gone.is_set() and (part or last):
                await self._pieces.put(part)

    async def read(self) -> bytes:
        """The next piece; empty: the other side has no more."""
        return await self._pieces.get()

    async def write(self, piece: bytes) -> None:
        """Send a piece."""
        await self._send(data(self.number, piece))

    async def end(self) -> None:
        """Say that nothing follows, and take nothing more."""
        self.drop()
        await self._send(data(self.number, b"", last=True))

    def drop(self) -> None:
        """Take nothing more, and let go whoever waits to hand something over."""
        self.gone.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()


class Session:
    """What two sides have in common. `opened` is told of each new stream."""

    def __init__(self, send: Send, opened: Callable[[Stream], None]) -> None:
        self._send, self._opened = send, opened
        self._headers, self._buffer = Headers(), bytearray()
        self._streams: dict[int, Stream] = {}

    async def receive(self, piece: bytes) -> None:
        """What the other side sent, cut anywhere. Raises NotSpdy."""
        self._buffer += piece
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            end = 8 + (second & 0xFFFFFF)
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[8:end])
            del self._buffer[:end]
            is_last = bool(second >> 24 & _FIN)
            if not first & _CONTROL:
                if stream := self._streams.get(first):
                    await stream.receive(payload, last=is_last)
            elif first >> 16 & 0x7FFF != _VERSION:
                raise NotSpdy(f"version {first >> 16 & 0x7FFF}")
            else:
                await self._control(first & 0xFFFF, payload, is_last)

    async def _control(self, kind: int, payload: bytes, is_last: bool) -> None:
        if kind == PING:
            await self._send(control(PING, payload))
        if kind not in (SYN_STREAM, RST_STREAM):
            return  # settings, windows, farewells: nothing to be done for them
        if len(payload) < 8:
            raise NotSpdy("a frame that is too short")
        number = struct.unpack_from(">I", payload)[0] & 0x7FFFFFFF
        if kind == RST_STREAM:
            if stream := self._streams.pop(number, None):
                stream.drop()
            return
        stream = Stream(number, self._headers.unpacked(payload[10:]), self._send)
        self._streams[number] = stream
        await self._send(control(SYN_REPLY, struct.pack(">I", number) + self._headers.packed({})))
        if is_last:
            await stream.receive(b"", last=True)
        self._opened(stream)
