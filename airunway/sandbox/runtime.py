"""The whole sandbox in one context manager: API server, Temporal, pretend controllers, makers of images.

`airunway up` and end-to-end tests start it; what runs in it afterwards (worker, watcher) reaches it only
over the network, as it would reach a real installation.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from airunway.api.names import INSTALLER_NAMESPACE, SYSTEM_NAMESPACE
from airunway.clients.kubernetes import Cluster
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.gateway import PretendGateway, gateway
from airunway.sandbox.hub import PretendHub
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import DEFAULT_NODES, PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.registry import PretendRegistry
from airunway.sandbox.serving.model_servers import PretendModelServers
from airunway.sandbox.temporal import USUAL_PORT, USUAL_UI_PORT, TemporalServer, claimed_port
from kube_emulator import EmulatedCluster

USUAL_API_PORT = 7443
USUAL_GATEWAY_PORT = 8090


class Sandbox:
    """Runs while the context is open. With a `folder` its state survives; without, nothing is left.

    `usual_ports`: Temporal's and the UI's well-known ports when they are free, so that other tools find
    them; tests take any. `installed` false: providers' operators are not there yet (see `sandbox.charts`).
    `gateway`: with Gateway API and a Gateway that leads to pretend model servers (see `sandbox.gateway`).
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        timing: Timing | None = None,
        nodes: Sequence[PretendNode] = DEFAULT_NODES,
        usual_ports: bool = False,
        headless: bool = False,
        temporal: bool = True,
        installed: bool = True,
        gateway: bool = False,
        search_attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._timing, self._nodes = timing or Timing(), nodes
        self._usual_ports, self._headless = usual_ports, headless
        self._with_temporal, self._installed = temporal, installed
        self._with_gateway = gateway
        self._search_attributes = dict(search_attributes or {})
        self._stack = AsyncExitStack()
        self.kubeconfig = Path()
        self.registry = PretendRegistry(folder=folder / "registry" if folder else None)
        self.registry.login = ("airunway", secrets.token_urlsafe(24))
        self.registry.anonymous_reads = True  # it is every registry of the world as well
        self.registry_login_file = Path()
        """Docker `config.json` with the login that pushes want; another one each time."""
        self.hub = PretendHub(any_model=True)
        self.buildkit = PretendBuildKit(bytes_per_second=self._timing.download_bytes_per_second)
        self.gateway: PretendGateway | None = None
        """Once it runs, if it was asked for."""
        self.api: EmulatedCluster
        self.cluster: Cluster
        self.temporal: TemporalServer

    @property
    def service_url(self) -> str:
        """Where a Service answers, with `{namespace}`, `{service}` and `{port}` to be filled in."""
        if self.gateway is not None:
            return self.gateway.servers.service_url
        return f"{self.api.url}/api/v1/namespaces/{{namespace}}/services/{{service}}:{{port}}/proxy"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = self._folder or Path(stack.enter_context(TemporaryDirectory(prefix="airunway-")))
            await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            self.registry_login_file = folder / "registry-login.json"
            self.temporal = self._temporal_in(folder, stack)
            # Temporal takes longest; the cluster comes up meanwhile.
            starting = asyncio.create_task(self._start_temporal(stack))
            try:
                await self._start_cluster(stack, folder)
            finally:
                await starting
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _port(self, usual: int, stack: AsyncExitStack) -> int:
        """Where to listen; 0: anywhere."""
        return stack.enter_context(claimed_port(usual)) if self._usual_ports else 0

    def _temporal_in(self, folder: Path, stack: AsyncExitStack) -> TemporalServer:
        return TemporalServer(
            data_file=folder / "temporal.db" if self._folder else None,
            log_file=folder / "temporal.log",
            port=self._port(USUAL_PORT, stack),
            ui_port=self._port(USUAL_UI_PORT, stack),
            search_attributes=self._search_attributes,
            headless=self._headless,
        )

    async def _start_temporal(self, stack: AsyncExitStack) -> None:
        if self._with_temporal:
            await stack.enter_async_context(self.temporal)

    async def _start_images(self, stack: AsyncExitStack) -> None:
        """What images are made of, made with, and kept in."""
        await stack.enter_async_context(self.hub)
        await stack.enter_async_context(self.registry)
        await asyncio.to_thread(self._write_login)
        # Whatever a registry is called in the cluster or in the world: here there is only this one.
        self.buildkit.network.registries["*"] = self.registry.url
        await stack.enter_async_context(self.buildkit)

    def _write_login(self) -> None:
        user, password = self.registry.login or ("", "")
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.registry_login_file.unlink(missing_ok=True)
        self.registry_login_file.touch(0o600)
        self.registry_login_file.write_text(json.dumps({"auths": {self.registry.host: {"auth": auth}}}))

    async def _start_cluster(self, stack: AsyncExitStack, folder: Path) -> None:
        await self._start_images(stack)
        self.api = EmulatedCluster(
            namespaces=(SYSTEM_NAMESPACE, INSTALLER_NAMESPACE),
            state_dir=folder / "cluster" if self._folder else None,
        )
        await self.api.start(self._port(USUAL_API_PORT, stack))
        stack.push_async_callback(self.api.stop)
        self.kubeconfig = await asyncio.to_thread(self.api.kubeconfig, folder / "kubeconfig")
        self.cluster = await stack.enter_async_context(await Cluster.connect(self.kubeconfig))
        await self._start_model_servers(stack)
        operators = PretendOperators(
            self.cluster,
            timing=self._timing,
            nodes=self._nodes,
            installed=self._installed,
            logs=self.api.logs,
        )
        await stack.enter_async_context(operators)

    async def _start_model_servers(self, stack: AsyncExitStack) -> None:
        """What answers for pods, through the API server's proxy and, if that was asked for, a Gateway."""
        if self._with_gateway:
            port = self._port(USUAL_GATEWAY_PORT, stack)
            self.gateway = PretendGateway(self.cluster, port=port, logs=self.api.logs)
            await stack.enter_async_context(self.gateway)
            self.api.proxy.where = self.gateway.servers.where
            return
        if self._folder is not None:
            await gateway.remove(self.cluster)
        servers = await stack.enter_async_context(PretendModelServers(logs=self.api.logs))
        self.api.proxy.where = servers.where
