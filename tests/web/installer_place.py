"""The application before Temporal, with an installer: one whose steps are scripted, or the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from airunway.api.names import INSTALLER_QUEUE, core_task_queue, task_queue_beside
from airunway.workers.temporal.converter import data_converter
from tests.activities.install_site import SYSTEM, Site
from tests.web.place import WebPlace, web_place
from tests.workflows.conftest import test_server as server_binary
from tests.workflows.installer_world import InstallerWorld, core_worker, installer_worker


@asynccontextmanager
async def scripted_installer(name: str) -> AsyncIterator[InstallerWorld]:
    """Temporal with workers for installations of one provider or prerequisite."""
    async with _temporal() as env:
        built = InstallerWorld(env, provider=name)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(core_worker(built))
            await stack.enter_async_context(installer_worker(built))
            yield built


@asynccontextmanager
async def place_with(world: InstallerWorld, folder: Path) -> AsyncIterator[WebPlace]:
    """The application with that Temporal."""

    async def client() -> Client:
        return world.env.client

    async with web_place(folder, find_temporal=client) as made:
        yield made


@asynccontextmanager
async def installing_place(folder: Path, mirrors: dict[str, str]) -> AsyncIterator[tuple[WebPlace, Site]]:
    """The application, and the installer's own steps on the cluster that it shows; Helm is pretended."""
    async with _temporal() as env:
        world = InstallerWorld(env)
        async with place_with(world, folder) as place, core_worker(world):
            site = Site(place.cluster, mirrors=mirrors)
            await site.namespace(SYSTEM)
            queue = task_queue_beside(core_task_queue("here"), INSTALLER_QUEUE)
            often = timedelta(milliseconds=20)
            async with Worker(
                env.client,
                task_queue=queue,
                activities=site.activities.all,
                max_heartbeat_throttle_interval=often,
                default_heartbeat_throttle_interval=often,
            ):
                yield place, site


@asynccontextmanager
async def _temporal() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server_binary(), data_converter=data_converter()
    ) as env:
        yield env
