"""What stands before the private registry: what it passes on, and that nobody takes the places of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.modelimage.pull_access import password_of
from airunway.modelimage.registry_login import LOGINS, SETTLES_AFTER, RegistryLogin, data_of
from airunway.workers import private_pulls
from airunway.workers.private_pulls import logins_of_file, serving

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
SOON = ConnectionLimits(head_within=timedelta(milliseconds=100))


def key(name: str, since: datetime = NOW) -> RegistryLogin:
    return RegistryLogin(user=name, password=f"{name}-password", hash="h", since=since, lineage="l")


class Behind:
    """The registry's reading side."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.status = 200
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        await self.go_on.wait()
        headers = {"Docker-Content-Digest": DIGEST, "Set-Cookie": "a=b", "Server": "registry"}
        return web.Response(status=self.status, body=b"blob", headers=headers)


class Front:
    """What nodes reach."""

    def __init__(self, behind: Behind) -> None:
        self.behind, self.keys, self.now, self.url = behind, [key("first")], NOW, ""
        self.session: aiohttp.ClientSession

    async def ask(
        self, path: str = f"private/team-a/aikit-x/blobs/{DIGEST}", namespace: str = "team-a", **headers: str
    ) -> aiohttp.ClientResponse:
        login = RegistryCredentials(namespace, password_of(namespace, self.keys[0]))
        headers = {"Authorization": login.header, **headers}
        answer = await self.session.get(f"{self.url}/v2/{path}", headers=headers)
        await answer.read()
        return answer


@asynccontextmanager
async def listening(behind: Behind) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", behind.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest_asyncio.fixture
async def front() -> AsyncIterator[Front]:
    made = Front(Behind())
    async with (
        listening(made.behind) as registry,
        serving(registry=registry, logins=lambda: made.keys, clock=lambda: made.now) as port,
        aiohttp.ClientSession() as session,
    ):
        made.url, made.session = f"http://127.0.0.1:{port}", session
        yield made


async def test_a_request_is_passed_on_with_our_login_and_nothing_else_of_it(front: Front) -> None:
    answer = await front.ask(Accept="application/x", Range="bytes=1-2", Cookie="c=d", Host="evil")

    assert (answer.status, await answer.read()) == (200, b"blob")
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert "Set-Cookie" not in answer.headers
    (seen,) = front.behind.seen
    assert seen.headers["Authorization"] == RegistryCredentials("first", "first-password").header
    assert (seen.headers["Accept"], seen.headers["Range"]) == ("application/x", "bytes=1-2")
    assert "Cookie" not in seen.headers and seen.headers["Host"] != "evil"


@pytest.mark.parametrize(
    "path", ["", "_catalog", f"private/team-b/aikit-x/blobs/{DIGEST}", "aikit-x/tags/list"]
)
async def test_what_is_not_the_namespaces_never_reaches_the_registry(front: Front, path: str) -> None:
    answer = await front.ask(path)

    assert answer.status == (200 if not path else 403)
    assert front.behind.seen == []


async def test_a_namespace_with_many_requests_leaves_the_others_theirs(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_pulls, "MAX_AT_ONCE", 2)
    front.behind.go_on.clear()
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(front.ask()) for _ in range(2)]
        while len(front.behind.seen) < 2:
            await asyncio.sleep(0)
        assert (await front.ask()).status == 429

        other = group.create_task(front.ask(f"private/team-b/aikit-x/blobs/{DIGEST}", namespace="team-b"))
        while len(front.behind.seen) < 3:
            await asyncio.sleep(0)
        front.behind.go_on.set()

    assert [task.result().status for task in (*held, other)] == [200, 200, 200]
    assert (await front.ask()).status == 200


@pytest.mark.parametrize("status", [401, 403, 307, 500])
async def test_trouble_behind_it_is_told_as_a_registry_that_is_away(front: Front, status: int) -> None:
    front.behind.status = status

    answer = await front.ask()

    assert answer.status == 503 and "Location" not in answer.headers


async def test_a_new_key_is_used_when_the_registry_knows_it(front: Front) -> None:
    front.now = NOW + timedelta(days=30)
    front.keys = [key("second", front.now), *front.keys]
    await front.ask()
    front.now += SETTLES_AFTER
    await front.ask()

    used = [seen.headers["Authorization"] for seen in front.behind.seen]
    assert used == [RegistryCredentials(name, f"{name}-password").header for name in ("first", "second")]


def test_the_mounted_keys_are_read_as_they_are_now(tmp_path: Path) -> None:
    read = logins_of_file(tmp_path / LOGINS)
    assert read() == []
    for keys in ([key("first")], [key("second"), key("first")]):
        (tmp_path / LOGINS).write_bytes(data_of(keys)[LOGINS])
        assert read() == keys


async def test_a_connection_on_which_nobody_logs_in_is_not_kept() -> None:
    """The port is open to every pod; each connection takes a file of the process."""
    async with (
        listening(Behind()) as registry,
        serving(registry=registry, logins=list, limits=SOON) as port,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-")

        assert await reader.read() == b""
        writer.close()


async def test_whoever_has_no_login_does_not_keep_the_connection(front: Front) -> None:
    answer = await front.session.get(f"{front.url}/v2/")

    assert (answer.status, answer.headers["Connection"]) == (401, "close")
