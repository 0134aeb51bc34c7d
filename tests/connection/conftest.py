"""A cluster, and a Temporal server behind a gate: the dev server, or Temporal's own with mutual TLS."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, TLSConfig

from airunway.sandbox.temporal import TemporalServer
from kube_emulator import EmulatedCluster
from tests.e2e.system import System
from tests.servers.certificates import SERVER_NAME, Certificates, make_certificates
from tests.servers.temporal_proxy import TemporalProxy
from tests.servers.temporal_server import TemporalServer as RealTemporalServer


@dataclass
class Site:
    """A namespace of the test's own on a server, which `operator` reaches past every gate."""

    kubeconfig: Path
    folder: Path
    upstream: str
    upstream_certificates: Certificates | None
    certificates: Certificates
    """Of the gates."""
    cli_options: list[str]
    """What Temporal's command line needs to reach the server."""
    operator: Client
    """Without our converter: it sees what the server stores."""

    @property
    def namespace(self) -> str:
        """In Temporal."""
        return self.operator.namespace

    def gate(
        self, *, keys: set[str] | None, certificates: Certificates | None = None, port: int = 0
    ) -> TemporalProxy:
        """A gate to this namespace; without keys it wants certificates."""
        return TemporalProxy(
            self.upstream,
            certificates or self.certificates,
            keys=keys,
            namespace=self.namespace,
            upstream_certificates=self.upstream_certificates,
            port=port,
        )

    @property
    def past_the_gate(self) -> dict[str, Any]:
        """Settings for the server itself."""
        certificates = self.upstream_certificates
        return {
            "temporal_ca_file": certificates and certificates.ca,
            "temporal_cert_file": certificates and certificates.client_cert,
            "temporal_key_file": certificates and certificates.client_key,
        }

    @asynccontextmanager
    async def system(self, address: str, **settings: Any) -> AsyncIterator[System]:
        """The control plane, with these settings over those of the gate."""
        given: dict[str, Any] = {
            "temporal_namespace": self.namespace,
            "temporal_ca_file": self.certificates.ca,
            "temporal_credentials_check": timedelta(seconds=0.1),
            **settings,
        }
        async with System(self.kubeconfig, address, **given) as running:
            yield running


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    upstream_certificates = None
    async with AsyncExitStack() as stack:
        if request.param == "real":
            real: RealTemporalServer = request.getfixturevalue("real_temporal_with_mutual_tls")
            upstream, upstream_certificates = real.address, real.certificates
            cli_options = real.cli_options
        else:
            server = TemporalServer(log_file=tmp_path / "temporal.log", headless=True)
            upstream = (await stack.enter_async_context(server)).address
            cli_options = ["--address", upstream, "--disable-config-file"]
        emulated = EmulatedCluster()
        await emulated.start(0)
        stack.push_async_callback(emulated.stop)
        (tmp_path / "gate").mkdir()
        yield Site(
            kubeconfig=emulated.kubeconfig(tmp_path / "kubeconfig"),
            folder=tmp_path,
            upstream=upstream,
            upstream_certificates=upstream_certificates,
            cli_options=cli_options,
            certificates=make_certificates(tmp_path / "gate"),
            operator=await _new_namespace(upstream, upstream_certificates),
        )


async def _new_namespace(address: str, certificates: Certificates | None) -> Client:
    tls = certificates and TLSConfig(
        server_root_ca_cert=certificates.ca.read_bytes(),
        client_cert=certificates.client_cert.read_bytes(),
        client_private_key=certificates.client_key.read_bytes(),
        domain=SERVER_NAME,
    )
    client = await Client.connect(address, namespace=f"test-{uuid.uuid4().hex[:8]}", tls=tls or False)
    retention = Duration(seconds=int(timedelta(days=1).total_seconds()))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=retention)
    )
    async with asyncio.timeout(90):
        while True:  # the server looks for new namespaces every few seconds
            try:
                await client.count_workflows()
                return client
            except RPCError:
                await asyncio.sleep(0.1)
