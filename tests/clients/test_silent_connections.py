"""Connections on which nobody asks anything are closed; those of others stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from airunway.clients.silent_connections import SilentConnections

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@asynccontextmanager
async def server(within: timedelta) -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", answer)
    silent = SilentConnections(app, within=within)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with silent.closed_on(runner):
        yield int(runner.addresses[0][1])
    await runner.cleanup()


@pytest.mark.parametrize("sent", [b"", b"G", HEAD], ids=["nothing", "a letter", "a head without an end"])
async def test_a_connection_without_a_whole_head_is_closed(sent: bytes) -> None:
    async with server(timedelta(milliseconds=100)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)

        assert await reader.read() == b""  # ends when the server closes
        writer.close()


async def test_a_connection_that_asked_once_is_left_for_the_next_request() -> None:
    async with server(timedelta(milliseconds=100)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        silent_reader, silent_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await silent_reader.read() == b""  # so the time is over, for the other one too

        writer.write(HEAD + b"\r\n")

        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        for each in (writer, silent_writer):
            each.close()
