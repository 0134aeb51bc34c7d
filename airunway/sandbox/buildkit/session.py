"""The daemon's end of a session: ask the client for secrets and logins, through the stream it opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import grpc.aio

from airunway.clients.buildkit.wire import auth_pb2, auth_pb2_grpc, secrets_pb2, secrets_pb2_grpc
from airunway.clients.buildkit.wire import control_pb2 as control

_PIECE_BYTES = 32 * 1024
_CALL_SECONDS = 10.0


class ClientSession:
    """A client that can be asked. In the stream's HTTP/2 connection we are the client, it is the server."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._secrets = secrets_pb2_grpc.SecretsStub(channel)
        self._auth = auth_pb2_grpc.AuthStub(channel)

    async def secret(self, name: str) -> bytes:
        """A secret's bytes. Raises KeyError if the client has none of that name."""
        try:
            request = secrets_pb2.GetSecretRequest(ID=name)
            return bytes((await self._secrets.GetSecret(request, timeout=_CALL_SECONDS)).data)
        except grpc.aio.AioRpcError as err:
            raise KeyError(name) from err

    async def login(self, host: str) -> tuple[str, str] | None:
        """User and password for a registry; None for nobody in particular."""
        request = auth_pb2.CredentialsRequest(Host=host)
        answer = await self._auth.Credentials(request, timeout=_CALL_SECONDS)
        return (answer.Username, answer.Secret) if answer.Secret else None


class Sessions:
    """Open sessions by their id."""

    def __init__(self) -> None:
        self._open: dict[str, ClientSession] = {}
        self._opened = asyncio.Condition()

    async def get(self, session_id: str) -> ClientSession:
        """A session, as soon as its stream is there. Raises TimeoutError."""
        async with asyncio.timeout(_CALL_SECONDS), self._opened:
            await self._opened.wait_for(lambda: session_id in self._open)
            return self._open[session_id]

    async def serve(
        self, session_id: str, incoming: AsyncIterator[control.BytesMessage]
    ) -> AsyncIterator[control.BytesMessage]:
        """Carry the bytes of a session, until its client ends it."""
        async with AsyncExitStack() as stack:
            socket = Path(stack.enter_context(TemporaryDirectory(prefix="airunway-builder-"))) / "s"
            connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
            listener = await asyncio.start_unix_server(lambda *ends: connected.put(ends), path=str(socket))
            stack.callback(listener.close)
            options = [("grpc.default_authority", "localhost")]
            channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)
            await stack.enter_async_context(channel)
            channel.get_state(try_to_connect=True)
            reader, writer = await connected.get()
            stack.callback(writer.close)
            feeding = asyncio.create_task(_feed(incoming, writer))
            stack.callback(feeding.cancel)
            await self._announce(session_id, ClientSession(channel))
            stack.callback(self._open.pop, session_id, None)
            while data := await reader.read(_PIECE_BYTES):
                yield control.BytesMessage(data=data)

    async def _announce(self, session_id: str, session: ClientSession) -> None:
        async with self._opened:
            self._open[session_id] = session
            self._opened.notify_all()


async def _feed(incoming: AsyncIterator[control.BytesMessage], writer: asyncio.StreamWriter) -> None:
    async for message in incoming:
        writer.write(message.data)
        await writer.drain()
    writer.close()
