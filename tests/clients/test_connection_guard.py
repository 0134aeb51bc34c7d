"""Connections on which nothing is done for anybody leave, in time or for others; those of others stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
SOON, NEVER = timedelta(milliseconds=100), timedelta(hours=1)
PATIENT = ConnectionLimits(connections=4, of_peer=3, head_within=NEVER, body_within=NEVER, idle_within=NEVER)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Server:
    port: int = 0
    busy: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="ok")

    async def work(self, _: web.Request) -> web.Response:
        self.busy += 1
        await self.go_on.wait()
        return web.Response(text="done")

    async def connect(self, sent: bytes = b"", *, by: str = "127.0.0.1") -> Ends:
        ends = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(by, 0))
        ends[1].write(sent)
        self.opened.append(ends[1])
        return ends

    async def work_for(self, count: int, *, by: str = "127.0.0.1") -> list[Ends]:
        """Connections for which a request is under way."""
        before = self.busy
        ends = [await self.connect(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n", by=by) for _ in range(count)]
        while self.busy < before + count:
            await asyncio.sleep(0)
        return ends


@asynccontextmanager
async def server(limits: ConnectionLimits) -> AsyncIterator[Server]:
    made = Server()
    app = web.Application(client_max_size=64)
    app.router.add_route("*", "/", made.answer)
    app.router.add_get("/work", made.work)
    async with served(app, host="127.0.0.1", port=0, limits=limits, drain=SOON) as port:
        made.port = port
        yield made
        made.go_on.set()
        for writer in made.opened:
            writer.close()


async def is_closed(ends: Ends) -> bool:
    """Whether the server closes a connection. Never ends for one that it keeps."""
    try:
        return await ends[0].read() == b""
    except ConnectionResetError:
        return True


async def is_answered(ends: Ends) -> bool:
    ends[1].write(HEAD + b"\r\n")
    return (await ends[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", HEAD, POST, POST + b"a"],
    ids=["nothing", "a letter", "a head without an end", "no body", "a body without an end"],
)
async def test_a_connection_without_a_whole_request_is_closed(sent: bytes) -> None:
    async with server(ConnectionLimits(head_within=SOON, body_within=SOON)) as made:
        assert await is_closed(await made.connect(sent))


async def test_a_connection_that_asked_once_is_left_for_the_next_request() -> None:
    async with server(ConnectionLimits(head_within=SOON)) as made:
        ends = await made.connect()
        assert await is_answered(ends)
        assert await is_closed(await made.connect())  # so the time is over, for the other one too

        assert await is_answered(ends)


async def test_half_a_next_request_does_not_keep_it() -> None:
    async with server(ConnectionLimits(idle_within=SOON)) as made:
        ends = await made.connect()
        assert await is_answered(ends)

        ends[1].write(HEAD)

        assert await is_closed(ends)


async def test_who_waits_longest_makes_room_for_the_next_of_its_peer() -> None:
    async with server(PATIENT) as made:
        first, *_ = [await made.connect() for _ in range(PATIENT.of_peer)]

        honest = await made.connect()

        assert await is_answered(honest)
        assert await is_closed(first)


async def test_a_peer_with_many_makes_room_for_another() -> None:
    async with server(PATIENT) as made:
        other = await made.connect(by="127.0.0.2")
        many = [await made.connect() for _ in range(PATIENT.of_peer)]

        honest = await made.connect(by="127.0.0.3")

        assert await is_answered(honest)
        assert await is_closed(many[0])
        assert await is_answered(other)


async def test_whom_we_work_for_is_not_disturbed() -> None:
    async with server(PATIENT) as made:
        working = await made.work_for(PATIENT.of_peer)

        refused = await made.connect()

        assert await is_closed(refused)
        assert await is_answered(await made.connect(by="127.0.0.2"))
        made.go_on.set()
        for reader, _ in working:
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")


async def test_who_has_left_takes_no_place() -> None:
    async with server(PATIENT) as made:
        for _ in range(3 * PATIENT.connections):
            ends = await made.connect()
            assert await is_answered(ends)
            ends[1].close()
            await ends[1].wait_closed()

        working = await made.work_for(PATIENT.of_peer)

        assert len(working) == PATIENT.of_peer


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with server(PATIENT) as made:
        reader, writer = await made.connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n")
        writer.write(b" " * 65)

        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
