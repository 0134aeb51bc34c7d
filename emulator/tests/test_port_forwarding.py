"""`pods/portforward` over a WebSocket: connections to what a pod serves."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import PATIENCE, Api

from .objects import Obj, Space, pod

SPACE = Space("default")
PATH = f"{SPACE.pods}/p/portforward"
BINARY = "v4.channel.k8s.io"


class Forwarding:
    """A pod `p` at whose port 8000 a server answers each line in capitals, and ends at `bye`."""

    def __init__(self, emulated: EmulatedCluster, session: aiohttp.ClientSession) -> None:
        self.emulated, self.session = emulated, session
        self.ended = asyncio.Event()
        self.port = 0

    async def where(self, pod: Obj, port: int) -> tuple[str, int] | None:
        return ("127.0.0.1", self.port) if port == 8000 else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()) not in (b"", b"bye\n"):
            writer.write(line.upper())
        writer.close()
        self.ended.set()


@pytest.fixture
async def forwarding(emulated: EmulatedCluster, tmp_path: Path) -> AsyncIterator[Forwarding]:
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api, asyncio.timeout(PATIENCE):
        spec = {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]}
        (await api.create(SPACE.pods, pod("p") | {"spec": spec})).ok()
        assert api._session is not None
        site = Forwarding(emulated, api._session)
        server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
        site.port = server.sockets[0].getsockname()[1]
        emulated.proxy.where = site.where
        async with server:
            yield site


async def test_bytes_go_both_ways(forwarding: Forwarding):
    async with forwarding.session.ws_connect(f"{PATH}?ports=8000", protocols=[BINARY]) as socket:
        hello = [await socket.receive_bytes() for _ in range(2)]
        await socket.send_bytes(b"\x00hel")
        await socket.send_bytes(b"\x00lo\n")
        heard = await socket.receive_bytes()

    assert hello == [b"\x00\x40\x1f", b"\x01\x40\x1f"]  # each channel says first that it is port 8000's
    assert heard == b"\x00HELLO\n"
    await forwarding.ended.wait()  # a client that goes ends the connection


async def test_the_end_of_the_connection_ends_the_socket(forwarding: Forwarding):
    async with forwarding.session.ws_connect(f"{PATH}?ports=8000", protocols=[BINARY]) as socket:
        await socket.send_bytes(b"\x00bye\n")
        kinds = [(await socket.receive()).type for _ in range(3)]

    assert kinds == [aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.CLOSE]


async def test_two_ports_have_channels_of_their_own(forwarding: Forwarding):
    async with forwarding.session.ws_connect(f"{PATH}?ports=9,8000", protocols=[BINARY]) as socket:
        hello = [await socket.receive_bytes() for _ in range(4)]
        failed = await socket.receive_bytes()
        await socket.send_bytes(b"\x00lost\n")
        await socket.send_bytes(b"\x02hello\n")
        heard = await socket.receive_bytes()

    assert [message[0] for message in hello] == [0, 1, 2, 3]
    assert failed[0] == 1
    assert b"error forwarding port 9 to pod p" in failed
    assert heard == b"\x02HELLO\n"


async def test_the_text_form_does_too(forwarding: Forwarding):
    protocol = "v4.base64.channel.k8s.io"
    async with forwarding.session.ws_connect(f"{PATH}?ports=8000", protocols=[protocol]) as socket:
        hello = [await socket.receive_str() for _ in range(2)]
        await socket.send_str("0" + base64.b64encode(b"hello\n").decode())
        heard = await socket.receive_str()

    number = base64.b64encode(b"\x40\x1f").decode()
    assert hello == [f"0{number}", f"1{number}"]
    assert heard == "0" + base64.b64encode(b"HELLO\n").decode()


@pytest.mark.parametrize("ports", ["", "?ports=x", "?ports=0", "?ports=70000"])
async def test_a_port_has_to_be_named(forwarding: Forwarding, ports: str):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await forwarding.session.ws_connect(PATH + ports, protocols=[BINARY])

    assert refused.value.status == 400


async def test_it_takes_an_upgrade(forwarding: Forwarding):
    async with forwarding.session.get(f"{PATH}?ports=8000") as answer:
        assert answer.status == 400
        assert (await answer.json())["message"] == "Upgrade request required"


async def test_who_may_only_read_pods_is_not_connected(forwarding: Forwarding):
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rule = {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get"]}
    ref = {"kind": "ClusterRole", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    subject = {"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": "b"}, "roleRef": ref, "subjects": [subject]}
    role = {"metadata": {"name": "r"}, "rules": [rule]}
    await forwarding.session.post(f"{rbac}/clusterroles", json=role)
    await forwarding.session.post(f"{rbac}/clusterrolebindings", json=binding)
    forwarding.emulated.users.add("anns", "ann")

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        headers = {"Authorization": "Bearer anns"}
        await forwarding.session.ws_connect(f"{PATH}?ports=8000", protocols=[BINARY], headers=headers)

    assert refused.value.status == 403
