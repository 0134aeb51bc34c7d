"""Of every server of ours: who holds many connections and asks nothing keeps nobody from being answered."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from fastapi import FastAPI, Request
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from airunway.clients.connection_guard import ConnectionLimits
from airunway.web.process import listening, serve
from airunway.webhook.tls import ServedCertificate
from airunway.workers import codec_server, private_pulls
from airunway.workers.health import probes
from airunway.workers.metrics_endpoint import metrics_served
from airunway.workers.settings import Settings
from tests.webhook.calling import certificate_for, webhooks

NEVER, SOON = timedelta(hours=1), timedelta(milliseconds=100)
FEW = ConnectionLimits(connections=8, of_peer=4, head_within=NEVER, body_within=NEVER, idle_within=NEVER)
SILENT = 12

Place = Callable[[ConnectionLimits], AbstractAsyncContextManager[str]]


class NoCodec(PayloadCodec):
    async def encode(self, payloads: list[Payload]) -> list[Payload]:  # type: ignore[override]
        return payloads

    async def decode(self, payloads: list[Payload]) -> list[Payload]:  # type: ignore[override]
        return payloads


@asynccontextmanager
async def health(limits: ConnectionLimits) -> AsyncIterator[str]:
    async with probes(0, lambda: True, limits=limits) as port:
        yield f"http://127.0.0.1:{port}/healthz"


@asynccontextmanager
async def metrics(limits: ConnectionLimits) -> AsyncIterator[str]:
    async with metrics_served(0, limits=limits) as port:
        yield f"http://127.0.0.1:{port}/metrics"


@asynccontextmanager
async def pulls(limits: ConnectionLimits) -> AsyncIterator[str]:
    async with private_pulls.serving(registry="http://127.0.0.1:1", logins=list, limits=limits) as port:
        yield f"http://127.0.0.1:{port}/v2/"


@asynccontextmanager
async def codec(limits: ConnectionLimits) -> AsyncIterator[str]:
    certificate = ServedCertificate()
    certificate.load(certificate_for("127.0.0.1"))
    server = codec_server.CodecServer(NoCodec(), token="t0ken", origins=[])
    async with codec_server.serving(
        server, host="127.0.0.1", port=0, ssl=certificate.context, limits=limits
    ) as port:
        yield f"https://127.0.0.1:{port}/decode"


@asynccontextmanager
async def reviews(limits: ConnectionLimits) -> AsyncIterator[str]:
    async with webhooks(limits=limits) as running:
        yield f"{running.url}/"


def reading_application() -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    return app


@asynccontextmanager
async def pages(limits: ConnectionLimits) -> AsyncIterator[str]:
    with listening(Settings(cluster="here", web_port=0), limits=limits) as place:
        serving = asyncio.create_task(serve(reading_application(), place))
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}/"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


PLACES: dict[str, Place] = {
    "health": health,
    "metrics": metrics,
    "private pulls": pulls,
    "codec server, with TLS": codec,
    "webhook": reviews,
    "web": pages,
}


async def silent(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing is sent, so that no TLS handshake begins either."""
    port = int(url.split(":")[2].partition("/")[0])
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:  # it does not listen yet
            await asyncio.sleep(0)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Never ends for a connection that is kept."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.mark.parametrize("name", PLACES)
async def test_many_silent_connections_keep_nobody_out(name: str) -> None:
    async with PLACES[name](FEW) as url:
        held = [await silent(url) for _ in range(SILENT)]

        async with aiohttp.ClientSession() as session, session.get(url, ssl=unchecked()) as answer:
            status = answer.status

        assert 200 <= status < 500
        # Its place, and those beyond the limit of the peer, were taken from who waited longest.
        for reader, _ in held[: SILENT - FEW.of_peer + 1]:
            assert await is_closed(reader)
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize("name", PLACES)
async def test_a_connection_that_begins_nothing_is_closed(name: str) -> None:
    async with PLACES[name](replace(FEW, head_within=SOON)) as url:
        reader, writer = await silent(url)

        assert await is_closed(reader)
        writer.close()


async def test_a_body_that_never_ends_is_not_waited_for_by_the_pages() -> None:
    async with pages(replace(FEW, body_within=SOON)) as url:
        reader, writer = await silent(url)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\na")

        assert b"200" not in await reader.read()  # ends when the server closes
        writer.close()
