"""A model server is asked for its model's name within bounds, whatever it answers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from airunway.clients import bounded_json, model_names
from airunway.clients.model_names import model_name_at, served_model_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    def __init__(self) -> None:
        self.answer: Handler = lambda _: asyncio.sleep(0, web.json_response({}))
        self.paths: list[str] = []
        self.headers: list[str] = []
        self.origin = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.headers += [name.lower() for name in request.headers]
        return await self.answer(request)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


def says(body: str, status: int = 200) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status, content_type="application/json")

    return answer


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ('{"data": [{"id": "x.gguf"}, {"id": "y"}]}', 200, "x.gguf"),
        ('{"data": []}', 200, ""),
        ('{"data": [{"id": 7}]}', 200, ""),
        ('{"data": {"id": "x"}}', 200, ""),
        ("[]", 200, ""),
        ("no json", 200, ""),
        ("[" * 100_000, 200, ""),
        ('{"data": [{"id": "x"}]}', 404, ""),
        ('{"data": [{"id": "' + "x" * 5000 + '"}]}', 200, ""),
        (" " * (model_names.MAX_BYTES + 1) + '{"data": [{"id": "x"}]}', 200, ""),
    ],
)
async def test_answers(server: Server, body: str, status: int, name: str) -> None:
    server.answer = says(body, status)

    assert await model_name_at(server.origin) == name
    assert server.paths == ["/v1/models"]
    assert not {"authorization", "cookie"} & set(server.headers)


async def test_an_answer_is_not_unpacked(server: Server) -> None:
    async def packed(_: web.Request) -> web.Response:
        body = gzip.compress(b'{"data": [{"id": "x"}]}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    server.answer = packed

    assert await model_name_at(server.origin) == "", "it was asked for as it is"


async def test_a_redirect_leads_nowhere(server: Server) -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{server.origin}/secret")

    server.answer = elsewhere

    assert await model_name_at(server.origin) == ""
    assert server.paths == ["/v1/models"]


async def test_a_server_that_says_nothing_is_left(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_names, "SECONDS", 0.05)
    forever = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    server.answer = silent

    assert await model_name_at(server.origin) == ""
    forever.set()


async def test_proxies_of_the_environment_are_not_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.answer = says('{"data": [{"id": "x"}]}')

    assert await model_name_at(server.origin) == "x"


@pytest.mark.parametrize(
    ("service", "namespace", "port"),
    [
        ("169.254.169.254/x?", "a", 80),
        ("a.b", "c", 80),
        ("a", "b@evil.example", 80),
        ("a", "b", 0),
        ("a", "b", 70000),
        ("", "b", 80),
    ],
)
async def test_what_is_no_service_is_not_asked(service: str, namespace: str, port: int) -> None:
    assert await served_model_name(service, namespace, port) == ""


async def test_a_large_answer_is_read_beside_the_loop(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_threads: list[object] = []
    in_thread = asyncio.to_thread

    async def counted(function: Callable[..., object], *given: object, **named: object) -> object:
        in_threads.append(function)
        return await in_thread(function, *given, **named)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    server.answer = says('{"data": [{"id": "x"}], "rest": [' + "[]," * 250_000 + "[]]}")

    assert await model_name_at(server.origin) == "x"
    assert in_threads == [bounded_json.read_json]
