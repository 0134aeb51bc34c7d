"""Requests go where they were judged to go, hop by hop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from airunway.clients.guarded_http import GuardedHttp, OutboundPolicy, RequestRefused
from airunway.clients.http import TooLarge, read_at_most


class Server:
    """Answers as it is told; `seen` is what came: path and Authorization."""

    def __init__(self) -> None:
        self.url = ""
        self.location = ""
        self.body = b"hello"
        self.seen: list[tuple[str, str]] = []
        self.hosts: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, request.headers.get("Authorization", "")))
        self.hosts.append(request.headers.get("Host", ""))
        assert request.headers.get("Accept-Encoding") == "identity"
        if request.path == "/sends-on":
            return web.Response(status=302, headers={"Location": self.location, "Set-Cookie": "a=b"})
        if request.path == "/for-ever":
            return web.Response(status=302, headers={"Location": "/for-ever"})
        return web.Response(body=self.body)


async def running() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app, host="127.0.0.1") as started:
        server.url = str(started.make_url("")).rstrip("/")
        yield server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async for found in running():
        yield found


@pytest.fixture
async def other() -> AsyncIterator[Server]:
    async for found in running():
        yield found


class Names:
    """DNS: names to the addresses that they have one after the other."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        found = self.answers.get(host)
        if not found:
            raise OSError("no such name")
        return found.pop(0) if len(found) > 1 else found[0]


async def get(http: GuardedHttp, url: str, *, authorization: str = "", method: str = "GET") -> bytes:
    async with http.session() as session, session.request(method, url, authorization=authorization) as answer:
        return await read_at_most(answer, 1024)


async def refused(http: GuardedHttp, url: str, **more: str) -> str:
    with pytest.raises(RequestRefused) as caught:
        await get(http, url, **more)
    assert not caught.value.retryable
    return str(caught.value)


async def test_what_an_administrator_names_may_be_inside(server: Server) -> None:
    assert await get(GuardedHttp(named=[server.url]), f"{server.url}/x") == b"hello"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///nowhere",
        "nowhere",
        "https://user:secret@example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25lo]/",
        "https://224.0.0.1/",
        "https://localhost/",
        "https://kubernetes.default.svc/",
        "https://kubernetes.default.svc.cluster.local./",
        "https://registry/",
        "https://metadata.google.internal/",
        "https://①②⑦.⓪.⓪.①/",
    ],
)
async def test_what_is_inside_is_not_asked(url: str) -> None:
    names = Names()

    said = await refused(GuardedHttp(lookup=names), url)

    assert names.asked == [] and "secret" not in said


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "64:ff9b::a9fe:a9fe", "ff02::1", "fd00::1"]
)
async def test_a_name_with_an_inner_address_is_not_asked(address: str) -> None:
    names = Names(evil_example_com=[[address]])

    said = await refused(GuardedHttp(lookup=names), "https://evil.example.com/")

    assert address in said and "AIRUNWAY_INSIDE_HOSTS" in said


@pytest.mark.parametrize("host", ["0x7f.1", "0x7f000001.example.com"])
async def test_odd_ways_to_write_an_address_are_judged_by_what_they_mean(host: str) -> None:
    names = Names(**{host.replace(".", "_"): [["127.0.0.1"]]})

    await refused(GuardedHttp(lookup=names), f"https://{host}/")


async def test_a_connection_goes_to_the_address_that_was_judged(server: Server) -> None:
    """A name that is public when it is looked up and inside afterwards: it is looked up once."""
    names = Names(evil_example_com=[["192.0.2.55"], ["127.0.0.1"]])
    http = GuardedHttp(OutboundPolicy(inside_hosts=["192.0.2.0/24"]), lookup=names)
    port = server.url.rpartition(":")[2]

    with pytest.raises((aiohttp.ClientError, OSError, TimeoutError)):
        async with http.session() as session, session.request("GET", f"https://evil.example.com:{port}/"):
            pass

    assert names.asked == ["evil.example.com"]
    assert server.seen == []


async def test_only_public_ones_of_several_addresses_are_used() -> None:
    names = Names(mixed_example_com=[["127.0.0.1", "1.1.1.1"]])
    http = GuardedHttp(lookup=names)

    async with http.session() as session:
        await session._judged(parsed("https://mixed.example.com/"))
        used = await session._pins.resolve("mixed.example.com", 443)

    assert [entry["host"] for entry in used] == ["1.1.1.1"]


async def test_nothing_is_connected_to_that_was_not_judged() -> None:
    async with GuardedHttp().session() as session:
        with pytest.raises(OSError, match="was not looked up"):
            await session._pins.resolve("example.com", 443)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "//localhost/x",
        "https://10.0.0.1/x",
        "https://kubernetes.default.svc/api",
        "http://169.254.169.254/latest/meta-data",
        "https://[64:ff9b::a9fe:a9fe]/",
        "gopher://example.com/",
        "file:///etc/passwd",
        "https://",
        "https://a:b@example.com/",
        "https://[bad/",
    ],
)
async def test_a_redirect_is_judged_like_a_request(server: Server, location: str) -> None:
    server.location = location

    await refused(GuardedHttp(named=[server.url]), f"{server.url}/sends-on")

    assert len(server.seen) == 1


async def test_another_port_of_a_named_host_is_another_place(server: Server, other: Server) -> None:
    server.location = f"{other.url}/x"

    await refused(GuardedHttp(named=[server.url]), f"{server.url}/sends-on")

    assert other.seen == []


async def test_what_is_listed_may_be_redirected_to_and_gets_no_login(server: Server, other: Server) -> None:
    server.location = f"{other.url}/x"
    http = GuardedHttp(OutboundPolicy(inside_hosts=[other.url]), named=[server.url])

    assert await get(http, f"{server.url}/sends-on", authorization="Bearer hush") == b"hello"

    assert server.seen == [("/sends-on", "Bearer hush")]
    assert other.seen == [("/x", "")]


async def test_the_own_origin_gets_the_login_again(server: Server) -> None:
    server.location = "/x"

    await get(GuardedHttp(named=[server.url]), f"{server.url}/sends-on", authorization="Bearer hush")

    assert server.seen[-1] == ("/x", "Bearer hush")


async def test_what_is_written_is_not_sent_on(server: Server, other: Server) -> None:
    server.location = f"{other.url}/x"
    http = GuardedHttp(named=[server.url, other.url])

    await refused(http, f"{server.url}/sends-on", method="PUT")

    assert other.seen == []


async def test_redirects_end(server: Server) -> None:
    with pytest.raises(aiohttp.ClientError, match="without end"):
        await get(GuardedHttp(named=[server.url]), f"{server.url}/for-ever")

    assert len(server.seen) < 10


async def test_a_body_is_read_up_to_a_limit(server: Server) -> None:
    server.body = b"x" * 2000

    with pytest.raises(TooLarge):
        await get(GuardedHttp(named=[server.url]), f"{server.url}/x")


async def test_a_session_has_an_end(server: Server) -> None:
    http = GuardedHttp(named=[server.url], call_timeout=timedelta(microseconds=1))

    with pytest.raises(TimeoutError):
        await get(http, f"{server.url}/x")


# -- behind a proxy ---------------------------------------------------------------------------------------


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server is the proxy for everything that is asked without TLS."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    return server


def allowing(*hosts: str) -> OutboundPolicy:
    return OutboundPolicy(inside_hosts=hosts)


class Plain(OutboundPolicy):
    """Lets plain HTTP pass, so that what a proxy is asked can be seen."""

    def allows_scheme(self, url: URL) -> bool:
        return True


async def test_a_proxy_is_asked_for_public_names(proxy: Server) -> None:
    http = GuardedHttp(Plain(), lookup=Names(example_com=[["1.1.1.1"]], **here()))

    assert await get(http, "http://example.com/x") == b"hello"

    assert proxy.hosts == ["example.com"]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["64:ff9b::a9fe:a9fe"]])
async def test_behind_a_proxy_names_are_judged_too(proxy: Server, addresses: list[str]) -> None:
    http = GuardedHttp(Plain(), lookup=Names(evil_example_com=[addresses], **here()))

    await refused(http, "http://evil.example.com/x")

    assert proxy.seen == []


async def test_behind_a_proxy_a_name_without_an_address_is_refused(proxy: Server) -> None:
    said = await refused(GuardedHttp(Plain(), lookup=Names(**here())), "http://only-inside.example.com/x")

    assert "AIRUNWAY_INSIDE_HOSTS" in said
    assert proxy.seen == []


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "http://127.1/x", "http://db.prod.svc/x"])
async def test_behind_a_proxy_what_is_inside_is_not_asked(proxy: Server, url: str) -> None:
    await refused(GuardedHttp(Plain(), lookup=Names(**here())), url)

    assert proxy.seen == []


async def test_behind_a_proxy_a_listed_name_needs_no_address(proxy: Server) -> None:
    http = GuardedHttp(allowing("http://mirror.corp"), lookup=Names(**here()))

    assert await get(http, "http://mirror.corp/x") == b"hello"


async def test_exceptions_from_the_proxy_are_kept(
    proxy: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "mirror.corp")
    port = other.url.rpartition(":")[2]
    http = GuardedHttp(allowing(f"http://mirror.corp:{port}"), lookup=Names(mirror_corp=[["127.0.0.1"]]))

    assert await get(http, f"http://mirror.corp:{port}/x") == b"hello"

    assert proxy.seen == [] and len(other.seen) == 1


def here() -> dict[str, list[list[str]]]:
    """The proxy's own name."""
    return {"127_0_0_1": [["127.0.0.1"]]}


def parsed(url: str) -> URL:
    return URL(url)
