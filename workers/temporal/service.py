"""The connection below a client, which may be exchanged while the client and its workers live.

gRPC reads certificates when a connection is made and never again. When they are rotated, a new connection is
made with the new ones and put in the place of the old: whoever holds the client notices nothing, calls under
way end on the old connection, workers poll on the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from google.protobuf.message import Message
from temporalio.runtime import Runtime
from temporalio.service import ConnectConfig, ServiceClient, ServiceResponse

from airunway.workers.temporal.target import Credentials, TemporalTarget

if TYPE_CHECKING:
    from temporalio.service import _BridgeServiceClient


class RenewableService(ServiceClient):
    """A service client that passes everything to the connection of now."""

    def __init__(self, connection: ServiceClient, credentials: Credentials) -> None:
        super().__init__(connection.config)
        self._connection = connection
        self.credentials = credentials
        """What the connection was made with, and what was put into it since."""

    def replace(self, connection: ServiceClient, credentials: Credentials) -> None:
        """Go on with another connection."""
        self._connection, self.credentials = connection, credentials
        self.config = connection.config

    def update_rpc_metadata(self, metadata: Mapping[str, str | bytes]) -> None:
        """Send other metadata from now on."""
        self._connection.update_rpc_metadata(metadata)

    def update_api_key(self, api_key: str | None) -> None:
        """Send another key from now on, also in the polls of workers."""
        self._connection.update_api_key(api_key)

    @property
    def worker_service_client(self) -> _BridgeServiceClient:
        """What workers poll with."""
        return self._connection.worker_service_client

    async def _rpc_call(
        self,
        rpc: str,
        req: Message,
        resp_type: type[ServiceResponse],
        *,
        service: str,
        retry: bool,
        metadata: Mapping[str, str | bytes],
        timeout: timedelta | None,  # noqa: ASYNC109 (the base class has it)
    ) -> ServiceResponse:
        return await self._connection._rpc_call(
            rpc, req, resp_type, service=service, retry=retry, metadata=metadata, timeout=timeout
        )


async def open_connection(
    target: TemporalTarget, credentials: Credentials, *, identity: str, runtime: Runtime | None
) -> ServiceClient:
    """One connection. Raises RuntimeError or OSError when Temporal does not answer or does not let us in."""
    config = ConnectConfig(
        target_host=target.address,
        tls=credentials.tls or False,
        api_key=credentials.api_key,
        rpc_metadata=credentials.metadata,
        identity=identity,
        runtime=runtime,
    )
    return await ServiceClient.connect(config)
