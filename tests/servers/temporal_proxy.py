"""A gate in front of a Temporal server, as Temporal Cloud and companies have it: TLS, keys, one namespace.

Whoever calls shows a key (`authorization: Bearer …`), reaches its own namespace only, and nothing of the
operator's service. Calls are passed on as bytes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.workflowservice.v1 import service_pb2

from kube_emulator.envtest.ports import free_port
from tests.servers.certificates import Certificates

SERVICE = service_pb2.DESCRIPTOR.services_by_name["WorkflowService"]
WORKFLOW_SERVICE = SERVICE.full_name
NOT_PASSED_ON = ("authorization", "user-agent", "te", "grpc-", "content-type", ":")


class TemporalProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One gate. `keys` and `namespace` may be changed while it runs."""

    def __init__(
        self,
        upstream: str,
        certificates: Certificates,
        *,
        keys: set[str] | None,
        namespace: str = "default",
        upstream_certificates: Certificates | None = None,
        port: int = 0,
    ) -> None:
        """`keys` None: a client's certificate is wanted in their place."""
        self.port = port or free_port()
        self.address = f"localhost:{self.port}"
        self.keys = keys
        self.namespace = namespace
        self.refused: Counter[str] = Counter()
        """Method to the number of calls that were refused."""
        self.identities: set[str] = set()
        self.used: Counter[tuple[str, str]] = Counter()
        """Key and method to the number of calls that were let through."""
        self._certificates = certificates
        self._upstream = _channel(upstream, upstream_certificates)
        self._server = grpc.aio.server()

    async def __aenter__(self) -> Self:
        certificates = self._certificates
        pair = (certificates.server_key.read_bytes(), certificates.server_cert.read_bytes())
        credentials = grpc.ssl_server_credentials(
            [pair],
            root_certificates=certificates.ca.read_bytes() if self.keys is None else None,
            require_client_auth=self.keys is None,
        )
        self._server.add_generic_rpc_handlers([self])
        self._server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(grace=0)
        await self._upstream.close()

    def service(self, call: Any) -> Any:
        """Every method there is, without knowing its messages."""

        async def forward(request: bytes, context: Any) -> bytes:
            return await self._forward(call.method, dict(call.invocation_metadata), request, context)

        return grpc.unary_unary_rpc_method_handler(forward)

    async def _forward(self, method: str, metadata: dict[str, Any], request: bytes, context: Any) -> bytes:
        _, service, name = method.split("/")
        why = self._objection(service, name, metadata, request)
        if why is not None:
            self.refused[name] += 1
            await context.abort(*why)
        passed = [(key, value) for key, value in metadata.items() if not key.startswith(NOT_PASSED_ON)]
        try:
            answer: bytes = await self._upstream.unary_unary(method)(
                request, metadata=passed, timeout=context.time_remaining()
            )
        except grpc.aio.AioRpcError as err:
            details = [(key, value) for key, value in err.trailing_metadata() if key.endswith("-bin")]
            context.set_trailing_metadata(details)
            await context.abort(err.code(), err.details() or "")
        return answer

    def _objection(
        self, service: str, name: str, metadata: dict[str, Any], request: bytes
    ) -> tuple[grpc.StatusCode, str] | None:
        said = metadata.get("authorization")
        if self.keys is not None and said not in {f"Bearer {key}" for key in self.keys}:
            return grpc.StatusCode.UNAUTHENTICATED, "the key is not accepted"
        if service != WORKFLOW_SERVICE:
            return grpc.StatusCode.PERMISSION_DENIED, f"{service} is not for you"
        message: Any = GetMessageClass(SERVICE.methods_by_name[name].input_type).FromString(request)
        if getattr(message, "namespace", self.namespace) != self.namespace:
            return grpc.StatusCode.PERMISSION_DENIED, f"namespace {message.namespace} is not yours"
        self.identities.add(getattr(message, "identity", ""))
        self.used[str(said).removeprefix("Bearer "), name] += 1
        return None


def _channel(address: str, certificates: Certificates | None) -> grpc.aio.Channel:
    if certificates is None:
        return grpc.aio.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(
        certificates.ca.read_bytes(),
        certificates.client_key.read_bytes(),
        certificates.client_cert.read_bytes(),
    )
    return grpc.aio.secure_channel(address.replace("127.0.0.1", "localhost"), credentials)
