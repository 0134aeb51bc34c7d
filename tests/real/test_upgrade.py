"""A roll from one build to another whose deployments take their steps in another order, on real servers.

Deployments are in every stage of their life meanwhile. The old workers are told to stop and drain.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from airunway.api.names import deployment_workflow_id
from airunway.clients.kubernetes import JSON_PATCH
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.hub import PretendHub
from airunway.sandbox.hub_models import DEFAULT_MODELS
from airunway.sandbox.registry import PretendRegistry
from airunway.workers.temporal.converter import data_converter
from airunway.workers.version_routing import Routing, read_routing
from kube_emulator.envtest.ports import free_port
from tests.e2e.acme import SERVER
from tests.e2e.system import System
from tests.real.build_process import CHANGED
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(420)]

GGUF = DEFAULT_MODELS[0].id
HOLD = "test/hold"
OLD_ORDER = {"AIRUNWAY_BUILD_ID": "old"}
NEW_ORDER = {"AIRUNWAY_BUILD_ID": "new", CHANGED: "1"}
SOON = timedelta(seconds=10)
STAGES = ("pending", "deploying", "running", "idle", "failed", "deleted", "image")


class HeldHub(PretendHub):
    """Its downloads hang until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()
        self.asked = asyncio.Event()

    async def gate(self, request: web.Request) -> None:
        if request.path.startswith("/cdn/"):
            self.asked.set()
            await self.let_go.wait()


class Rollout(System):
    """The control plane with its workers as processes, one or more of each build."""

    def __init__(
        self, kubeconfig: Path, temporal_address: str, folder: Path, images: Mapping[str, str]
    ) -> None:
        super().__init__(kubeconfig, temporal_address)
        self.settings = self.settings.model_copy(update={"cluster": f"up-{uuid.uuid4().hex[:8]}"})
        self._folder, self._images = folder, images
        self.processes: list[subprocess.Popen[bytes]] = []
        self.client: Client

    def start_worker(self) -> None:
        self.start_build(OLD_ORDER)

    def start_build(self, build: Mapping[str, str]) -> subprocess.Popen[bytes]:
        log = (self._folder / f"worker-{len(self.processes)}-{build['AIRUNWAY_BUILD_ID']}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.real.build_process", "worker"],
                env=self.environment(build),
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def environment(self, build: Mapping[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            "AIRUNWAY_CLUSTER": self.settings.cluster,
            "AIRUNWAY_KUBECONFIG": str(self.kubeconfig),
            "AIRUNWAY_TEMPORAL_ADDRESS": self.settings.temporal_address,
            "AIRUNWAY_POD_NAMESPACE": self.namespace,
            "AIRUNWAY_HEARTBEAT": "5s",
            "AIRUNWAY_HEALTH_PORT": str(free_port()),
            "AIRUNWAY_WORKER_DRAIN": "3m",
            **self._images,
            **build,
        }

    async def verify(self, build: Mapping[str, str]) -> tuple[int, str]:
        """Verify a build against what runs; answers exit status and output."""
        done = await asyncio.to_thread(
            subprocess.run,
            [
                sys.executable,
                "-m",
                "tests.real.build_process",
                "verify",
                "50",
                "--sample",
                "all",
                "-o",
                "json",
            ],
            env=self.environment(build),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    async def routing(self) -> Routing:
        routing = await read_routing(self.client, f"airunway-{self.settings.cluster}")
        assert routing is not None
        return routing

    async def build_of(self, name: str) -> str:
        """The build that the open run of a deployment is pinned to; empty: it has none."""
        workflow_id = deployment_workflow_id(self.settings.cluster, self.namespace, name)
        with contextlib.suppress(RPCError):
            described = await self.client.get_workflow_handle(workflow_id).describe()
            if described.status is WorkflowExecutionStatus.RUNNING:
                info = described.raw_description.workflow_execution_info.versioning_info
                return info.deployment_version.build_id
        return ""

    async def until_on(self, build: str, names: tuple[str, ...]) -> None:
        async with asyncio.timeout(180):
            while {name: await self.build_of(name) for name in names} != dict.fromkeys(names, build):
                await asyncio.sleep(0.5)

    async def open_runs(self, build: str) -> int:
        query = f"TemporalWorkerDeploymentVersion = 'airunway-{self.settings.cluster}:{build}'"
        return (await self.client.count_workflows(f"{query} AND ExecutionStatus = 'Running'")).count

    async def in_every_stage(self) -> None:
        """A deployment in each stage of `STAGES`."""
        await self.deploy("pending", engine={"type": "sglang"})  # which no provider has
        await self.deploy("deploying")
        await self.running("running")
        await self.running("idle")
        await self.deploy("failed", model={"id": "cannot/render"})
        await self.running("deleted")
        await self.hold_server("deleted")
        await self.delete("deleted")
        await self.deploy("image", model={"id": GGUF})
        await self.until(lambda: bool(self.server("deploying")), "deploying")
        await self.until_phase("failed", "Failed")
        await self.until_phase("deleted", "Terminating")
        await self.until(lambda: bool(self.status("pending").get("conditions")), "pending looked at")

    async def hold_server(self, name: str) -> None:
        operations = [{"op": "add", "path": "/metadata/finalizers", "value": [HOLD]}]
        await self.cluster.patch(SERVER, name, operations, namespace=self.namespace, content_type=JSON_PATCH)

    async def let_server_go(self, name: str) -> None:
        operations = [{"op": "remove", "path": "/metadata/finalizers"}]
        await self.cluster.patch(SERVER, name, operations, namespace=self.namespace, content_type=JSON_PATCH)

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in self._folder.glob("*.log"))


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[HeldHub]:
    async with HeldHub() as running:
        yield running
        running.let_go.set()


@pytest_asyncio.fixture
async def rollout(
    real_cluster: Cluster, real_temporal: TemporalServer, hub: HeldHub, tmp_path: Path
) -> AsyncIterator[Rollout]:
    async with PretendRegistry() as registry, PretendBuildKit() as builder:
        builder.network.registries["*"] = registry.url
        images = {
            "AIRUNWAY_HUGGING_FACE": hub.url,
            "AIRUNWAY_IMAGE_REGISTRY": registry.host,
            "AIRUNWAY_BUILDKIT_ADDRESS": builder.address,
            "AIRUNWAY_IMAGE_REGISTRY_INSECURE": "true",
            "AIRUNWAY_REGISTRY_MIRRORS": json.dumps({"docker.io": registry.url, "ghcr.io": registry.url}),
        }
        system = Rollout(real_cluster.kubeconfig, real_temporal.address, tmp_path, images)
        system.client = await Client.connect(real_temporal.address, data_converter=data_converter())
        try:
            async with system:
                yield system
        except BaseException:
            print(system.logs())
            raise
        finally:
            for process in system.processes:
                if process.poll() is None:
                    process.kill()  # those that should have drained have been waited for by the test
                    process.wait()


async def test_every_deployment_outlives_a_roll_to_a_build_with_another_order_of_steps(
    rollout: Rollout, hub: HeldHub
) -> None:
    await rollout.in_every_stage()
    async with asyncio.timeout(60):
        await hub.asked.wait()  # the image is being downloaded
    assert (await rollout.routing()).current == "old"

    same, different = await rollout.verify(OLD_ORDER), await rollout.verify(NEW_ORDER)

    assert same[0] == 0, same[1]
    assert different[0] == 1, different[1]
    assert f"modeldeployment/{rollout.settings.cluster}/" in different[1]
    assert "the history has LocalActivity number 1, which this build does not begin there" in different[1]

    (old,) = rollout.processes
    rollout.start_build(NEW_ORDER)
    async with asyncio.timeout(60):
        while (await rollout.routing()).current != "new":
            await asyncio.sleep(0.2)
    old.send_signal(signal.SIGTERM)

    await rollout.until_on("new", tuple(name for name in STAGES if name != "deleted"))
    assert old.poll() is None, "it drains: the image is still built by it"
    hub.let_go.set()
    await rollout.let_server_go("deleted")
    await rollout.until(lambda: not rollout.deployment("deleted"), "deleted is gone")
    await asyncio.to_thread(old.wait, 120)
    assert old.returncode == 0
    assert await rollout.open_runs("old") == 0

    await every_deployment_answers_an_edit(rollout)
    for name in STAGES:
        if name != "deleted":
            assert await rollout.build_of(name) == "new"


async def test_runs_whose_build_was_killed_are_moved(
    rollout: Rollout, hub: HeldHub, real_temporal: TemporalServer
) -> None:
    await rollout.in_every_stage()
    (old,) = rollout.processes
    await rollout.stop("watcher")
    rollout.settings = rollout.settings.model_copy(update={"worker_abandoned_after": SOON})
    old.kill()
    await asyncio.to_thread(old.wait)
    await asyncio.to_thread(real_temporal.kill)  # it forgets who polled, so nobody waits for the old worker
    await asyncio.to_thread(real_temporal.start)
    hub.let_go.set()

    rollout.start_build(NEW_ORDER)
    rollout.start_watcher()

    await rollout.until_on("new", tuple(name for name in STAGES if name != "deleted"))
    await rollout.let_server_go("deleted")
    await rollout.until(lambda: not rollout.deployment("deleted"), "deleted is gone")
    await every_deployment_answers_an_edit(rollout)


async def every_deployment_answers_an_edit(rollout: Rollout) -> None:
    replicas = {"scaling": {"replicas": 2}}
    await rollout.edit("pending", {"spec": {"engine": {"type": "vllm"}, **replicas}})
    await rollout.edit("failed", {"spec": {"model": {"id": "org/model"}, **replicas}})
    for name in ("deploying", "running", "idle", "image"):
        await rollout.edit(name, {"spec": replicas})
    for name in STAGES:
        if name == "deleted":
            continue
        await rollout.until(
            lambda name=name: rollout.server(name).get("spec", {}).get("replicas") == 2,  # type: ignore[misc]
            f"{name} has two replicas",
        )
        await rollout.serve(name)
        await rollout.until_phase(name, "Running")
