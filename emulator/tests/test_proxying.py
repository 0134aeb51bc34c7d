"""`services/proxy` and `pods/proxy`: HTTP through the API server to what a pod serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kube_emulator import EmulatedCluster
from kube_emulator.testing import PATIENCE, Api

from .objects import Obj, Space, pod, service

SPACE = Space("default")


class Served:
    """A pod `p` behind a Service `s` (port 80 → `http`, 8000), and a server that answers for it."""

    def __init__(self, emulated: EmulatedCluster, api: Api) -> None:
        self.emulated, self.api = emulated, api
        self.port = 0
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.more = asyncio.Event()

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/stream", self._stream)
        app.router.add_route("*", "/half", self._half)
        app.router.add_route("*", "/{rest:.*}", self._echo)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.emulated.proxy.where = self._where
        return runner

    async def create_pod(self, *, ready: bool = True) -> None:
        container = {"name": "main", "image": "i", "ports": [{"name": "http", "containerPort": 8000}]}
        spec = {"nodeName": "n", "containers": [container]}
        (await self.api.create(SPACE.pods, pod("p", labels={"app": "s"}) | {"spec": spec})).ok()
        status = {"podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": str(ready)}]}
        (await self.api.patch(f"{SPACE.pods}/p/status", {"status": status})).ok()

    async def _where(self, pod: Obj, port: int) -> tuple[str, int] | None:
        assert pod["metadata"]["name"] == "p"
        return ("127.0.0.1", self.port) if port == 8000 else None

    async def _echo(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        self.bodies.append(await request.read())
        return web.Response(status=418, text=f"{request.method} {request.raw_path}", headers={"X-Own": "1"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        await self.more.wait()
        await response.write(b"two\n")
        return response

    async def _half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response


@pytest.fixture
async def site(emulated: EmulatedCluster, tmp_path: Path) -> AsyncIterator[Served]:
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        served = Served(emulated, api)
        runner = await served.start()
        ports = [{"name": "web", "port": 80, "targetPort": "http"}, {"name": "odd", "port": 81}]
        (await api.create(SPACE.services, service("s", selector={"app": "s"}, ports=ports))).ok()
        yield served
        with suppress(ConnectionError):
            await runner.cleanup()


WAYS = ["services/s:80", "services/s:web", "services/http:s:80", "pods/p:8000", "pods/p"]


@pytest.mark.parametrize("via", WAYS)
async def test_a_request_goes_through_and_its_answer_comes_back(site: Served, via: str):
    await site.create_pod()

    answer = await site.api.call("PUT", f"{SPACE.core}/{via}/proxy/v1/a%2Fb?x=1%20y", b"{}")

    assert (answer.code, answer.body) == (418, "PUT /v1/a%2Fb?x=1%20y")
    assert answer.headers["X-Own"] == "1"
    assert site.bodies == [b"{}"]


async def test_the_callers_login_does_not_go_on(site: Served):
    await site.create_pod()
    site.emulated.users.add("t", "system:admin", groups=("system:masters",))
    headers = {"Authorization": "Bearer t", "X-Mine": "1", "Impersonate-User": "system:admin"}
    headers |= {"Impersonate-Group": "system:masters"}

    await site.api.get(f"{SPACE.core}/pods/p:8000/proxy/", headers=headers)

    sent = site.seen[0].headers
    assert sent["X-Mine"] == "1"
    assert not {"Authorization", "Impersonate-User", "Impersonate-Group"} & set(sent)
    assert sent["X-Forwarded-Uri"] == f"{SPACE.core}/pods/p:8000/proxy/"


async def test_an_answer_comes_piece_by_piece(site: Served):
    await site.create_pod()
    session = site.api._session
    assert session is not None

    path = f"{SPACE.core}/services/s:80/proxy/stream"
    async with asyncio.timeout(PATIENCE), session.get(path) as answer:
        first = await answer.content.readline()
        site.more.set()
        rest = await answer.content.read()

    assert (first, rest) == (b"one\n", b"two\n")


async def test_half_an_answer_is_not_taken_for_a_whole_one(site: Served):
    await site.create_pod()

    with pytest.raises(Exception, match=r"(?i)payload|disconnect|connection"):
        await site.api.get(f"{SPACE.core}/pods/p:8000/proxy/half")


async def test_a_path_without_its_end_leads_to_the_one_with_it(site: Served):
    await site.create_pod()
    session = site.api._session
    assert session is not None

    path = f"{SPACE.core}/pods/p:8000/proxy"
    async with session.get(f"{path}?a=1", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, f"{path}/?a=1")


async def test_a_pod_that_is_not_ready_gets_none_of_its_services_requests(site: Served):
    await site.create_pod(ready=False)

    through = await site.api.get(f"{SPACE.core}/services/s:80/proxy/")
    straight = await site.api.get(f"{SPACE.core}/pods/p:8000/proxy/")

    through.refused(503, "ServiceUnavailable")
    assert through.message == 'no endpoints available for service "s"'
    assert straight.code == 418


async def test_a_port_at_which_nothing_listens_is_told(site: Served):
    await site.create_pod()

    answer = await site.api.get(f"{SPACE.core}/services/s:81/proxy/")

    answer.refused(503, "ServiceUnavailable")
    refused = "dial tcp 10.0.0.7:81: connect: connection refused"
    assert answer.message == f"error trying to reach service: {refused}"


async def test_a_server_that_went_away_is_told(site: Served):
    await site.create_pod()
    site.port = 1

    answer = await site.api.get(f"{SPACE.core}/pods/p:8000/proxy/")

    answer.refused(503, "ServiceUnavailable")
    assert answer.message.startswith("error trying to reach service: ")


# -- what the API server itself refuses, on both servers ------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "reason", "message"),
    [
        ("services/none:80", 404, "NotFound", 'services "none" not found'),
        ("services/s:82", 503, "ServiceUnavailable", 'no service port 82 found for service "s"'),
        ("services/s:80", 503, "ServiceUnavailable", 'no endpoints available for service "s"'),
        ("services/a:b:c:d", 400, "BadRequest", 'invalid service request "a:b:c:d"'),
        ("pods/none:80", 404, "NotFound", 'pods "none" not found'),
        ("pods/p:80", 400, "BadRequest", "address not allowed"),
        ("pods/a:b:c:d", 400, "BadRequest", 'invalid pod request "a:b:c:d"'),
    ],
)
async def test_where_nothing_is_the_request_is_refused(
    api: Api, space: Space, path: str, code: int, reason: str, message: str
):
    await api.create(space.services, service("s"))
    await api.create(space.pods, pod("p"))
    if path == "services/s:80":  # as long as the controller has not seen the Service there are no endpoints
        await api.until(f"{space.core}/{path}/proxy/", lambda answer: answer.reason != "NotFound")

    answer: Any = await api.get(f"{space.core}/{path}/proxy/")

    answer.refused(code, reason)
    assert answer.message == message
