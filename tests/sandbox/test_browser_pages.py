"""A page in a browser on this machine does not get to the sandbox's servers, whatever its name resolves
to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from airunway.sandbox.hub import PretendHub
from airunway.sandbox.registry import PretendRegistry
from airunway.sandbox.temporal import free_port
from airunway.sandbox.ui_gate import UiGate, hidden_address
from kube_emulator import EmulatedCluster
from kube_emulator.local_hosts import comes_from_here

FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:7443"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": "evil.example#127.0.0.1"},
    {"Host": "[::2]"},
    {"Host": "2130706433"},
    {"Host": "["},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example:8233"},
]
OWN: list[dict[str, str]] = [
    {},
    {"Host": "localhost:1234"},
    {"Host": "LOCALHOST"},
    {"Host": "[::1]:7443"},
    {"Host": "127.0.0.1", "Origin": "http://127.0.0.1:8233"},
]


@pytest_asyncio.fixture
async def ui() -> AsyncIterator[str]:
    """A gate before something that tells what it was asked."""

    async def tell(request: web.Request) -> web.Response:
        text = f"{request.method} {request.path_qs} {(await request.read()).decode()}"
        return web.Response(status=201, text=text, headers={"Set-Cookie": "csrf=1"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tell)
    runner = web.AppRunner(app)
    await runner.setup()
    address, port = hidden_address(), free_port()
    await web.TCPSite(runner, address, port).start()
    entrance = free_port()
    async with UiGate(port=entrance, upstream=f"http://{address}:{port}"):
        yield f"http://127.0.0.1:{entrance}"
    await runner.cleanup()


@pytest_asyncio.fixture
async def servers(ui: str) -> AsyncIterator[list[str]]:
    """Addresses of everything that listens for HTTP."""
    async with EmulatedCluster() as api, PretendHub() as hub, PretendRegistry() as registry:
        yield [
            f"{ui}/api/v1/settings",
            f"{api.url}/api/v1/secrets",
            f"{hub.url}/api/models/x",
            f"{registry.url}/v2/",
        ]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_page_is_refused(servers: list[str], headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        for url in servers:
            async with session.get(url, headers=headers) as answer:
                assert answer.status in (400, 403), url  # 400: the library itself refuses the header
                assert '"items"' not in await answer.text()


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_a_program_of_this_machine_is_not(servers: list[str], headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        for url in servers:
            async with session.get(url, headers=headers) as answer:
                assert answer.status not in (400, 403), url


async def test_the_gate_passes_on_what_is_asked_and_answered(ui: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{ui}/a%2Fb?c=%20d", data=b"body") as answer,
    ):
        assert (answer.status, await answer.text()) == (201, "POST /a%2Fb?c=%20d body")
        assert answer.headers["Set-Cookie"] == "csrf=1"


async def test_the_gate_says_when_nothing_is_behind_it() -> None:
    entrance, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    async with (
        UiGate(port=entrance, upstream=nobody),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{entrance}/") as answer,
    ):
        assert answer.status == 502


def test_a_request_without_a_host_is_no_browsers() -> None:
    assert comes_from_here({})


async def test_what_the_emulated_cluster_writes_is_its_owners(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").touch(mode=0o644)
    async with EmulatedCluster(state_dir=tmp_path / "state") as api:
        written = api.kubeconfig(tmp_path / "kubeconfig")

    files = [written, *(tmp_path / "state").iterdir()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
