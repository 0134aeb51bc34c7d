"""Servers that answer with what is huge, deep or no answer: an error that says so, or what of it is good.

The watchdog of these tests fails them when the event loop stands still meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import web

from airunway.clients.errors import AnswerTooLarge, ApiError, ServerError
from airunway.clients.huggingface import HubAnswerUnusable, HuggingFace
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, client, transport
from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.errors import ImageNotFound, RegistryError
from airunway.modelimage.choice import NoFileChosen, choose_files
from tests.watchdog import Watchdog

COMMIT = "c" * 40
DEEP = b"[" * 50_000 + b"]" * 50_000
NAMES = 50_000


@dataclass
class Server:
    """Answers every request with one body, or with what a function makes of the request."""

    body: bytes | Callable[[web.Request], bytes] = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        body = self.body if isinstance(self.body, bytes) else self.body(request)
        return web.Response(body=body, headers={"Content-Type": "application/json", **self.headers})


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield told
    await runner.cleanup()


@pytest_asyncio.fixture
async def cluster(server: Server, tmp_path: Path) -> AsyncIterator[Cluster]:
    config: dict[str, Any] = {
        "clusters": [{"name": "x", "cluster": {"server": server.url}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    async with await Cluster.connect(tmp_path / "kubeconfig") as connected:
        yield connected


# -- the hub -----------------------------------------------------------------------------------------------


def repository(names: list[str]) -> bytes:
    files = [{"rfilename": name, "size": 1, "lfs": {"sha256": "a" * 64, "size": 1}} for name in names]
    return json.dumps({"sha": COMMIT, "siblings": files}).encode()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["m{}-Q4_K_M.gguf", "m-{:05}-of-50000.gguf"])
async def test_a_repository_of_fifty_thousand_files(
    server: Server, name: str, loop_watchdog: Watchdog
) -> None:
    server.body = repository([name.format(number) for number in range(1, NAMES + 1)])

    found = await HuggingFace(server.url).repository("acme/Large", revision="main")

    assert len(found.files) == NAMES
    assert found.file(name.format(NAMES)).sha256 == "a" * 64
    assert not loop_watchdog.found


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DEEP, id="deep"),
        pytest.param(
            b'{"sha":"' + COMMIT.encode() + b'","siblings":' + DEEP + b"}", id="a deep list of files"
        ),
        pytest.param(b"[" + b"[]," * 3_000_000 + b"[]]", id="many values"),
        pytest.param(b" " * (33 * 1024 * 1024), id="many bytes"),
        pytest.param(repository(["a"]).replace(b'"size": 1', b'"size": -1'), id="a size below nothing"),
        pytest.param(repository(["a"]).replace(b'"size": 1', b'"size": 1e999'), id="a size without end"),
        pytest.param(b'{"sha":"' + COMMIT.encode() + b'","siblings":7}', id="no list"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
async def test_a_hub_that_answers_with_something_else(server: Server, body: bytes) -> None:
    server.body = body

    with pytest.raises(HubAnswerUnusable):
        await HuggingFace(server.url).repository("acme/Odd", revision="main")


def test_names_that_no_file_in_an_image_has_are_refused_or_passed_over() -> None:
    for name in ("\ud800.gguf", "a\x1b]8;;x.gguf", "\u202efugg.gguf", "a\nb.gguf"):
        with pytest.raises(NoFileChosen, match="no file"):
            choose_files([name], wanted="other.gguf")


# -- registries --------------------------------------------------------------------------------------------

MANIFESTS = [
    DEEP,
    b"[" + b"[]," * 1_000_000 + b"[]]",
    b'{"manifests": 7}',
    b'{"manifests": [7]}',
    b'{"config": {"digest": 7}}',
    b'{"config": 7}',
    b"7",
    b'{"config":{"digest":"sha256:' + b"a" * 64 + b'"}, "x":' + DEEP + b"}",
]


@pytest.mark.parametrize("body", MANIFESTS, ids=lambda body: body[:40].decode())
async def test_a_registry_that_answers_with_something_else(server: Server, body: bytes) -> None:
    host = server.url.removeprefix("http://")
    server.body = body
    registries = RegistryClient(allowed_hosts=[host])

    with pytest.raises((ImageNotFound, RegistryError)):
        await registries.base_image(f"{host}/a/b:1", architecture="amd64")
    found = await registries.resolve(f"{host}/a/b:1")

    assert found.digest.startswith("sha256:")
    assert found.created_at == ""


# -- the API server ----------------------------------------------------------------------------------------


def listing(*items: bytes) -> bytes:
    return b'{"kind":"List","metadata":{"resourceVersion":"1"},"items":[' + b",".join(items) + b"]}"


def item(name: str, status: bytes = b"{}") -> bytes:
    return b'{"metadata":{"name":"%b","uid":"u"},"status":%b}' % (name.encode(), status)


async def test_one_deep_object_does_not_keep_a_list_from_being_read(server: Server, cluster: Cluster) -> None:
    server.body = listing(item("a"), item("deep", DEEP), item("b"))

    found = await cluster.listing(DEPLOYMENTS)

    assert [obj["metadata"]["name"] for obj in found.items] == ["a", "deep", "b"]


async def test_a_large_list_is_read_while_others_get_their_turn(
    server: Server, cluster: Cluster, loop_watchdog: Watchdog
) -> None:
    large = b"[" + b"{}," * 100_000 + b"{}]"
    server.body = listing(*(item(f"n{number}", large) for number in range(40)))

    assert len((await cluster.listing(DEPLOYMENTS)).items) == 40

    assert not loop_watchdog.found


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    server: Server, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 2_000)
    objects = [item(f"n{number}", b'"%b"' % (b"x" * 500)) for number in range(20)]

    def page(request: web.Request) -> bytes:
        begin, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        end = min(begin + limit, len(objects))
        more = str(end) if end < len(objects) else ""
        return b'{"metadata":{"resourceVersion":"1","continue":"%b"},"items":[%b]}' % (
            more.encode(),
            b",".join(objects[begin:end]),
        )

    server.body = page

    found = await cluster.listing(DEPLOYMENTS)

    assert [obj["metadata"]["name"] for obj in found.items] == [f"n{number}" for number in range(20)]
    assert client.PAGE > 20


async def test_one_object_that_is_too_large_is_an_error(
    server: Server, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 2_000)
    server.body = listing(item("n", b'"%b"' % (b"x" * 5_000)))

    with pytest.raises(AnswerTooLarge):
        await cluster.listing(DEPLOYMENTS)


@pytest.mark.parametrize("body", [b"", b"7", b"[]", b"<html>", b"\xff", b"[" * 200_000])
async def test_an_answer_that_is_no_api_servers_is_an_error(
    server: Server, cluster: Cluster, body: bytes
) -> None:
    server.body = body

    with pytest.raises(ServerError):
        await cluster.get(DEPLOYMENTS, "a", namespace="b")


async def events_of(cluster: Cluster) -> list[str]:
    return [
        event.object["metadata"]["name"] async for event in cluster.watch(DEPLOYMENTS, resource_version="1")
    ]


async def test_a_deep_event_does_not_end_a_watch(server: Server, cluster: Cluster) -> None:
    events = [b'{"type":"MODIFIED","object":%b}\n' % obj for obj in (item("a", DEEP), item("b"))]
    server.body = b"".join(events)

    assert await events_of(cluster) == ["a", "b"]


async def test_an_event_without_end_is_given_up(
    server: Server, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airunway.clients.kubernetes.watching.MAX_LINE_BYTES", 100_000)
    server.body = b"x" * 1_000_000

    with pytest.raises(ApiError, match="more than"):
        await events_of(cluster)
