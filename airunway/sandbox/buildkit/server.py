"""Start and stop a pretend daemon; its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import grpc.aio

from airunway.clients.buildkit.wire import control_pb2_grpc
from airunway.sandbox.buildkit.cache import Cache
from airunway.sandbox.buildkit.network import Network
from airunway.sandbox.buildkit.service import ControlService


class PretendBuildKit:
    """Serves on loopback, as a context manager. `address` is what a client takes.

    Args:
        registries: registry host to the base URL that is asked instead; `*` stands for every other host.
            Without an entry a host is asked itself, over plain HTTP.
        bytes_per_second: how fast a download is at most; 0: as fast as it can.
        socket: listen on this unix socket too.
    """

    def __init__(
        self,
        *,
        registries: Mapping[str, str] | None = None,
        bytes_per_second: float = 0,
        socket: Path | None = None,
    ) -> None:
        self.network = Network(registries or {})
        self.bytes_per_second = bytes_per_second
        self.cache = Cache()
        self.address = ""
        self._socket = socket
        self._port = 0
        self._service: ControlService | None = None
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a `stop` on the same port again."""
        self._service = ControlService(self.cache, self.network, lambda: self.bytes_per_second)
        self._server = grpc.aio.server()
        control_pb2_grpc.add_ControlServicer_to_server(self._service, self._server)
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        if self._socket is not None:
            self._server.add_insecure_port(f"unix:{self._socket}")
        await self._server.start()
        self.address = f"tcp://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """End at once, as a crash does: builds end in the middle, the cache stays."""
        if self._server is not None and self._service is not None:
            await self._server.stop(grace=None)
            await self._service.end()
            self._server = self._service = None
