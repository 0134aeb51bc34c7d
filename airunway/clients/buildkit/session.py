"""A build's session: the daemon asks us for secrets and registry logins while it builds.

The stream `Session` carries an HTTP/2 connection in which we are the server. So an ordinary gRPC server
listens on a private socket, and bytes are carried between the two; all in the event loop, no thread. Secrets
live only here: the build names them by id.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from airunway.clients.buildkit.tasks import ended
from airunway.clients.buildkit.wire import auth_pb2, auth_pb2_grpc, secrets_pb2, secrets_pb2_grpc
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub

_PIECE_BYTES = 32 * 1024
_METHODS = (
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/grpc.health.v1.Health/Check",
)

_Stream: TypeAlias = "grpc.aio.StreamStreamCall[control.BytesMessage, control.BytesMessage]"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

# Docker Hub is asked for by one of several names.
_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@asynccontextmanager
async def open_session(
    stub: ControlStub, *, secrets: Mapping[str, bytes], registry_auth: Mapping[str, tuple[str, str]]
) -> AsyncIterator[str]:
    """Serve a session; gives the id a build names it by. Nothing of it is left afterwards."""
    session_id = uuid.uuid4().hex
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="airunway-session-"))  # mode 0700
        socket = Path(folder) / "s"
        server = _server(secrets, registry_auth)
        server.add_insecure_port(f"unix:{socket}")
        await server.start()
        stack.push_async_callback(server.stop, grace=None)
        reader, writer = await asyncio.open_unix_connection(str(socket))
        stack.callback(writer.close)
        stream = stub.Session(metadata=_metadata(session_id))
        stack.callback(stream.cancel)
        pumps = [
            asyncio.create_task(_to_daemon(reader, stream)),
            asyncio.create_task(_from_daemon(stream, writer)),
        ]
        stack.push_async_callback(ended, *pumps)
        yield session_id


def _metadata(session_id: str) -> tuple[tuple[str, str], ...]:
    return (
        ("x-docker-expose-session-uuid", session_id),
        ("x-docker-expose-session-name", "airunway"),
        ("x-docker-expose-session-sharedkey", ""),
        *(("x-docker-expose-session-grpc-method", method) for method in _METHODS),
    )


async def _to_daemon(reader: asyncio.StreamReader, stream: _Stream) -> None:
    while data := await reader.read(_PIECE_BYTES):
        await stream.write(control.BytesMessage(data=data))


async def _from_daemon(stream: _Stream, writer: asyncio.StreamWriter) -> None:
    async for message in stream:
        writer.write(message.data)
        await writer.drain()


def _server(secrets: Mapping[str, bytes], registry_auth: Mapping[str, tuple[str, str]]) -> grpc.aio.Server:
    server = grpc.aio.server()
    secrets_pb2_grpc.add_SecretsServicer_to_server(_Secrets(secrets), server)
    auth_pb2_grpc.add_AuthServicer_to_server(_Auth(registry_auth), server)
    health_pb2_grpc.add_HealthServicer_to_server(_Health(), server)
    return server


class _Secrets(secrets_pb2_grpc.SecretsServicer):
    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = dict(secrets)

    async def GetSecret(
        self, request: secrets_pb2.GetSecretRequest, context: _Context
    ) -> secrets_pb2.GetSecretResponse:
        value = self._secrets.get(request.ID)
        if value is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no secret {request.ID}")
        return secrets_pb2.GetSecretResponse(data=value)


class _Auth(auth_pb2_grpc.AuthServicer):
    def __init__(self, logins: Mapping[str, tuple[str, str]]) -> None:
        self._logins = dict(logins)

    async def Credentials(
        self, request: auth_pb2.CredentialsRequest, _context: _Context
    ) -> auth_pb2.CredentialsResponse:
        names = _DOCKER_HUB if request.Host in _DOCKER_HUB else (request.Host,)
        logins = (self._logins[name] for name in names if name in self._logins)
        user, password = next(logins, ("", ""))  # empty: go on as anybody
        return auth_pb2.CredentialsResponse(Username=user, Secret=password)


class _Health(health_pb2_grpc.HealthServicer):
    """The daemon checks every few seconds whether its client is still there."""

    async def Check(
        self, _request: health_pb2.HealthCheckRequest, _context: _Context
    ) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
