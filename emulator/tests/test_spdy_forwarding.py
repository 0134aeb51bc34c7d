"""`kubectl port-forward`, within a WebSocket as of 1.31 and over SPDY as before."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.spdy import DICTIONARY, Headers, NotSpdy, Session, Stream, control
from kube_emulator.testing import PATIENCE, Api

from .objects import Obj, Space, pod

SPACE = Space("default")
LIMIT = 2**20
"""Bytes that a line may have."""
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
WAYS = pytest.mark.parametrize("websockets", ["true", "false"], ids=["within a WebSocket", "SPDY"])


@asynccontextmanager
async def forwarded(
    emulated: EmulatedCluster, folder: Path, *, websockets: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A pod `p` at whose port 8000 a server answers in capitals; kubectl, and where it listens for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    async def where(_: Obj, port: int) -> tuple[str, int] | None:
        return ("127.0.0.1", listening) if port == 8000 else None

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LIMIT)
    listening = server.sockets[0].getsockname()[1]
    emulated.proxy.where = where
    kubeconfig = emulated.kubeconfig(folder / "kubeconfig")
    async with Api(kubeconfig) as api:
        spec = {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]}
        (await api.create(SPACE.pods, pod("p") | {"spec": spec})).ok()
        (await api.patch(f"{SPACE.pods}/p/status", {"status": {"phase": "Running"}})).ok()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "KUBECTL_PORT_FORWARD_WEBSOCKETS": websockets,
    }
    process = await asyncio.create_subprocess_exec(
        *(
            "kubectl",
            "--kubeconfig",
            str(kubeconfig),
            "-n",
            "default",
            "port-forward",
            "pod/p",
            ":8000",
            ":9",
        ),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("Forwarding from"), (line, (await process.stderr.read()).decode())
        async with server:
            yield process, int(line.split()[2].rpartition(":")[2])
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@needs_kubectl
@WAYS
async def test_kubectl_forwards_a_port(emulated: EmulatedCluster, tmp_path: Path, websockets: str):
    async with asyncio.timeout(PATIENCE), forwarded(emulated, tmp_path, websockets=websockets) as (_, port):
        for greeting in (b"hello\n", b"x" * 100_000 + b"\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LIMIT)
            writer.write(greeting)
            heard = await reader.readline()
            writer.close()

            assert heard == greeting.upper()


@needs_kubectl
@WAYS
async def test_kubectl_says_what_went_wrong(emulated: EmulatedCluster, tmp_path: Path, websockets: str):
    async with (
        asyncio.timeout(PATIENCE),
        forwarded(emulated, tmp_path, websockets=websockets) as (process, _),
    ):
        assert process.stdout is not None and process.stderr is not None
        while b"-> 9" not in (line := await process.stdout.readline()):
            assert line
        reader, writer = await asyncio.open_connection("127.0.0.1", int(line.split()[2].rpartition(b":")[2]))

        said = await process.stderr.readline()
        assert await reader.read() == b"", "the connection ends"
        writer.close()

    assert b"error forwarding port 9 to pod p" in said


def test_the_dictionary_is_that_of_the_draft():
    assert len(DICTIONARY) == 1423
    assert DICTIONARY.startswith(b"\0\0\0\x07options\0\0\0\x04head")


async def test_frames_may_be_cut_anywhere_and_what_is_none_is_refused():
    sent: list[bytes] = []
    opened: list[Stream] = []

    async def send(frame: bytes) -> None:
        sent.append(frame)

    session = Session(send, opened.append)
    block = Headers().packed({"StreamType": "data", "port": "80"})
    for byte in control(1, b"\0\0\0\x01\0\0\0\0\0\0" + block) + control(6, b"\0\0\0\x09"):
        await session.receive(bytes([byte]))

    assert [(stream.number, stream.headers) for stream in opened] == [
        (1, {"streamtype": "data", "port": "80"})
    ]
    assert sent[1] == control(6, b"\0\0\0\x09"), "a ping comes back"
    with pytest.raises(NotSpdy):
        await session.receive(b"\x80\x02\0\x01\0\0\0\0")  # of version 2
