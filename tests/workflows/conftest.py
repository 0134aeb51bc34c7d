"""Fixtures of the workflow tests: a time-skipping server for the module, a world for each test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from airunway.sandbox.temporal import TemporalServer
from airunway.workers.temporal.converter import data_converter
from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)
from tests.workflows import installer_world
from tests.workflows.deployment_image_world import SPEC, Both
from tests.workflows.image_world import ImageWorld
from tests.workflows.installer_world import InstallerWorld
from tests.workflows.workers import core_worker, provider_worker
from tests.workflows.world import World


def test_server() -> str:
    """The time-skipping server's binary, as its package installs it."""
    found = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent)) or shutil.which(
        "temporal-test-server"
    )
    assert found, "no `temporal-test-server`: install the `test` extra"
    return found


@pytest_asyncio.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server of the test's own: skipping time for one test would skip it for all."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server(), data_converter=data_converter()
    ) as running:
        yield running


@pytest_asyncio.fixture
async def world(env: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A world with its workers running. `@pytest.mark.world(field=value)` sets fields before."""
    marker = request.node.get_closest_marker("world")
    built = World(env, **(marker.kwargs if marker else {}))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(core_worker(built))
        if built.provider_worker:
            await stack.enter_async_context(provider_worker(built))
        yield built
        await built.handle.terminate() if await _is_open(built) else None


@pytest_asyncio.fixture
async def installer(env: WorkflowEnvironment) -> AsyncIterator[InstallerWorld]:
    """A world of installations with its workers running."""
    built = InstallerWorld(env)
    async with installer_world.core_worker(built), installer_world.installer_worker(built):
        yield built
        if (await built.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            with suppress(RPCError):  # it has ended meanwhile
                await built.handle.terminate()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def development_server() -> AsyncIterator[str]:
    """Address of Temporal's development server, for all tests of a module.

    The server that skips time loses tasks where one workflow is signalled, queried and cancelled at once, as
    an image's and its build's are.
    """
    async with TemporalServer(headless=True) as server:
        yield server.address


@pytest_asyncio.fixture
async def images(development_server: str) -> AsyncIterator[ImageWorld]:
    """A world of images with its workers running."""
    async with running_images(development_server) as world:
        yield world


@asynccontextmanager
async def running_images(address: str, *, is_sandboxed: bool = True) -> AsyncIterator[ImageWorld]:
    """A world of images on a development server, with its workers."""
    client = await Client.connect(address, data_converter=data_converter())
    built = ImageWorld(WorkflowEnvironment.from_client(client))
    async with built.core_worker(is_sandboxed=is_sandboxed), built.build_worker():
        yield built
        await built.end()


@pytest_asyncio.fixture
async def both(development_server: str) -> AsyncIterator[Both]:
    """A deployment and its image."""
    client = await Client.connect(development_server, data_converter=data_converter())
    async with _running_both(WorkflowEnvironment.from_client(client)) as worlds:
        yield worlds


@pytest_asyncio.fixture
async def both_skipping(env: WorkflowEnvironment) -> AsyncIterator[Both]:
    """The same where time is skipped."""
    async with _running_both(env) as worlds:
        yield worlds


@asynccontextmanager
async def _running_both(env: WorkflowEnvironment) -> AsyncIterator[Both]:
    deployment, images = World(env, wanted_image=SPEC), ImageWorld(env)
    async with AsyncExitStack() as stack:
        for worker in (core_worker(deployment, images), images.build_worker(), provider_worker(deployment)):
            await stack.enter_async_context(worker)
        yield Both(deployment, images)
        await deployment.handle.terminate() if await _is_open(deployment) else None
        await images.end()


async def _is_open(world: World) -> bool:
    return (await world.handle.describe()).close_time is None
