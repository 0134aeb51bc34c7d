"""The pretend gateway in one context manager: its kinds, its Gateway, its controllers and servers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Self

from airunway.api.names import SANDBOX_FIELD_MANAGER
from airunway.clients.crds import apply_crd
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import Cluster
from airunway.sandbox.gateway import attachment, definitions
from airunway.sandbox.gateway.controller import GatewayControllers
from airunway.sandbox.gateway.forwarding import ForwardingServer
from airunway.sandbox.gateway.state import CLASS, CLASSES, GATEWAYS, RoutingState
from airunway.sandbox.serving.model_servers import PretendModelServers
from kube_emulator import PodLogs

NAMESPACE, NAME = "default", "inference-gateway"


class PretendGateway:
    """What a cluster with Gateway API, its Inference Extension and a body-based router has. Runs while open.

    `port`: where it listens on loopback; 0: any.
    """

    def __init__(self, cluster: Cluster, *, port: int = 0, logs: PodLogs | None = None) -> None:
        self._cluster = cluster
        self.state = RoutingState(cluster)
        self.state.port = port
        self.servers = PretendModelServers(lambda: self.state.pods, self.state.services.get, logs=logs)
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it is called."""
        return f"http://127.0.0.1:{self.state.port}"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            wanted = (*definitions.GATEWAY_API, definitions.CLASSES)
            await asyncio.gather(
                *(apply_crd(self._cluster, one, field_manager=SANDBOX_FIELD_MANAGER) for one in wanted)
            )
            controllers = GatewayControllers(self.state)
            tasks = self.state.start()
            stack.push_async_callback(_end, tasks)
            await stack.enter_async_context(self.servers)
            await stack.enter_async_context(ForwardingServer(self.state, self.servers))
            await self.state.synced()
            tasks += [asyncio.create_task(controller.run()) for controller in controllers.all]
            await self._install()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _install(self) -> None:
        """The class and the Gateway. Again, perhaps with another port: what is there is brought to it."""
        group = f"{attachment.GROUP}/v1"
        await self._cluster.apply(
            CLASSES,
            {
                "apiVersion": group,
                "kind": "GatewayClass",
                "metadata": {"name": CLASS},
                "spec": {"controllerName": attachment.CONTROLLER},
            },
            field_manager=SANDBOX_FIELD_MANAGER,
        )
        said = {"Accepted": (True, "Accepted", "the class is the sandbox's")}
        status = {"status": {"conditions": attachment.conditions(1, [], said)}}
        await self._cluster.patch(CLASSES, CLASS, status, subresource="status")
        # As in a sandbox of one person, who shares it with nobody: routes of all namespaces.
        listener = {
            "name": "http",
            "port": self.state.port,
            "protocol": "HTTP",
            "allowedRoutes": {"namespaces": {"from": "All"}},
        }
        await self._cluster.apply(
            GATEWAYS,
            {
                "apiVersion": group,
                "kind": "Gateway",
                "metadata": {"name": NAME, "namespace": NAMESPACE},
                "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
            },
            field_manager=SANDBOX_FIELD_MANAGER,
        )


async def remove(cluster: Cluster) -> None:
    """Take the Gateway of an earlier start away, where nothing serves it now."""
    with suppress(NotFound):
        await cluster.delete(GATEWAYS, NAME, namespace=NAMESPACE)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
