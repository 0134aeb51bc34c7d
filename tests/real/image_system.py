"""The whole way of a model image on real servers: API server, Temporal, BuildKit's daemon, registry.

The hub is the test's own, because it must break on order. Worker and watcher are processes.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter
from temporalio.client import Client

from airunway.api.names import deployment_workflow_id
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, Cluster, Object
from airunway.workers.temporal.converter import data_converter
from benchmarks.instant_operator import WORKSPACES, InstantOperator
from benchmarks.stage import prepare, until_provider_ready
from tests.clients.buildkit.world import World
from tests.real.processes import CLUSTER_NAME, Processes
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.hub import Hub, HubModel
from tests.servers.registry import Registry
from tests.servers.registry_sides import RegistrySides, put_in_place_of
from tests.servers.temporal_server import TemporalServer

NAMESPACE = "images"
PULL_SECRET = "private-images"
PATIENCE_SECONDS = 120.0


class ImageSystem:
    """Everything that runs, and what a person does and sees.

    `world` is hub, daemon, and the registry of the base; `sides` is the one that images are kept in.
    """

    def __init__(
        self,
        cluster: Cluster,
        client: Client,
        world: World,
        sides: RegistrySides,
        processes: Processes,
        operator: InstantOperator,
    ) -> None:
        self.cluster, self.client, self.world, self.sides = cluster, client, world, sides
        self.processes, self.operator = processes, operator
        self.workflow_ids: set[str] = set()
        self._made: list[str] = []

    @property
    def hub(self) -> Hub:
        return self.world.hub

    def publish(self, files: Mapping[str, bytes], **fields: Any) -> HubModel:
        """A repository of the test's own."""
        model = HubModel(id=f"acme/{self.world.name}-GGUF", files=files, **fields)
        self.hub.publish(model)
        return model

    async def deploy(self, model: HubModel, *, name: str = "", **spec: Any) -> str:
        """Apply a deployment of a model; answers its name."""
        name = name or f"image-{uuid.uuid4().hex[:8]}"
        body: Object = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "model": {"id": model.id},
                "provider": {"name": "kaito"},
                "engine": {"type": "llamacpp"},
                "resources": {"cpu": "1"},
                **spec,
            },
        }
        await self.cluster.create(DEPLOYMENTS, body, namespace=NAMESPACE)
        self._made.append(name)
        return name

    async def status(self, name: str) -> Object:
        obj = await self.cluster.get(DEPLOYMENTS, name, namespace=NAMESPACE)
        status: Object = obj.get("status") or {}
        for entry in status.get("conditions") or []:
            if entry["type"] == "ModelImageReady":
                status["image_condition"] = entry
        return status

    async def until(self, name: str, holds: Callable[[Object], bool], what: str) -> Object:
        """Wait until a deployment's status is so."""
        status: Object = {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not holds(status := await self.status(name)):
                    self.processes.check_all_but(*self.processes.killed)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(
                f"never happened: {what}\n{json.dumps(status, indent=1)}\n{self.processes.logs()}"
            ) from None
        return status

    async def until_running(self, name: str) -> str:
        """Wait until it runs; answers the image that its Workspace names."""
        await self.until(name, lambda status: status.get("phase") == "Running", f"{name} Running")
        return await self.image_of(name)

    async def until_image(self, name: str, reason: str) -> Object:
        """Wait until the image's condition has a reason; answers the status."""
        return await self.until(
            name, lambda status: status.get("image_condition", {}).get("reason") == reason, reason
        )

    async def image_of(self, name: str) -> str:
        workspace = await self.cluster.get(WORKSPACES, name, namespace=NAMESPACE)
        (container,) = workspace["inference"]["template"]["spec"]["containers"]
        return str(container["image"])

    async def pull_secrets_of(self, name: str) -> list[dict[str, str]]:
        workspace = await self.cluster.get(WORKSPACES, name, namespace=NAMESPACE)
        found: list[dict[str, str]] = workspace["inference"]["template"]["spec"]["imagePullSecrets"]
        return found

    async def put_in_place_of(self, repository: str, digest: str) -> tuple[str, list[str]]:
        """Let every tag of an image lead to one with the same layers and another entrypoint, as somebody with
        the login could; answers its digest and the tags."""
        return await put_in_place_of(self.sides, repository, digest)

    async def signal(self, name: str, signal: str) -> None:
        await self.client.get_workflow_handle(deployment_workflow_id(CLUSTER_NAME, NAMESPACE, name)).signal(
            signal
        )

    async def until_held(self) -> None:
        """Wait until a download hangs in its middle."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.hub.held.wait()

    async def files_of(self, image: str) -> dict[str, bytes]:
        """What is in an image of the registry, named as nodes pull it."""
        repository, _, digest = image.partition("/")[2].partition("@")
        there = World(self.hub, self.world.daemon, self.sides.pulls.host, name=repository)
        return {
            path: content
            for path, content in (await there.content(digest)).items()
            if path.startswith("/models")
        }

    async def histories(self) -> str:
        """Every history of the namespace, as one text."""
        texts = []
        async for execution in self.client.list_workflows():
            handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
            texts.append((await handle.fetch_history()).to_json())
        return "\n".join(texts)

    async def clean_up(self) -> None:
        """Delete the deployments, so that no workflow is left."""
        made, self._made = self._made, []
        for name in made:
            await self.cluster.delete(DEPLOYMENTS, name, namespace=NAMESPACE)
        deadline = time.monotonic() + PATIENCE_SECONDS
        for name in made:
            while await self.cluster.find(DEPLOYMENTS, name, namespace=NAMESPACE):
                assert time.monotonic() < deadline, f"{name} is not let go\n{self.processes.logs()}"
                await asyncio.sleep(0.1)


def worker_and_watcher(processes: Processes) -> None:
    """The processes of an installation, as administrators."""
    processes.start("worker", "--provider", "kaito")
    processes.start("watcher")


@asynccontextmanager
async def image_system(
    kubernetes: RealCluster,
    temporal: TemporalServer,
    daemon: Buildkitd,
    world_registry: Registry,
    sides: RegistrySides,
    folder: Path,
    start: Callable[[Processes], None] = worker_and_watcher,
) -> AsyncIterator[ImageSystem]:
    """The system with the processes that `start` starts, ready for deployments of KAITO.

    `world_registry`: where the base comes from. `sides`: where images are pushed to and pulled from.
    """
    login_file = folder / "registry-login.json"
    await asyncio.to_thread(login_file.write_text, sides.docker_config())
    async with Hub() as hub, await Cluster.connect(kubernetes.kubeconfig) as cluster:
        world = World(hub, daemon, world_registry.host)
        base, _ = await world.push_base({"/bin/serve": b"#!"}, {"Env": ["BASE=1"], "Cmd": ["x"]})
        processes = Processes(
            kubernetes.kubeconfig,
            temporal.address,
            folder,
            AIRUNWAY_HUGGING_FACE=hub.url,
            # It sends downloads on to this machine by another name, as the hub does to where it keeps files.
            AIRUNWAY_INSIDE_HOSTS=json.dumps([hub.url.replace("127.0.0.1", "localhost")]),
            AIRUNWAY_IMAGE_BASE=base,
            AIRUNWAY_IMAGE_REGISTRY=sides.pushes.host,
            AIRUNWAY_IMAGE_REGISTRY_LOGIN_FILE=str(login_file),
            AIRUNWAY_IMAGE_REGISTRY_PULL=sides.pulls.host,
            AIRUNWAY_IMAGE_PULL_SECRET=PULL_SECRET,
            AIRUNWAY_BUILDKIT_ADDRESS=daemon.address,
        )
        client = await Client.connect(temporal.address, data_converter=data_converter())
        operator = InstantOperator(cluster)
        await prepare(cluster)
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        answering = asyncio.create_task(operator.run())
        system = ImageSystem(cluster, client, world, sides, processes, operator)
        try:
            start(processes)
            await until_provider_ready(cluster, "kaito", check=processes.check_all_but)
            yield system
            hub.heal()
            await system.clean_up()
        finally:
            answering.cancel()
            await asyncio.to_thread(processes.stop)


def tiny_gguf(folder: Path, name: str, *, tensors: int = 1) -> bytes:
    """A valid GGUF file, as llama.cpp's own package writes it; different each time."""
    path = folder / f"{name}.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(128)
    generator = np.random.default_rng()
    for number in range(tensors):
        writer.add_tensor(f"blk.{number}.weight", generator.random((256, 256), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()
