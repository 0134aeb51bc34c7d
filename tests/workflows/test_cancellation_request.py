"""The biggest button of Temporal's UI, "Request Cancellation", cancels nothing of a deployment.

On Temporal's development server: the one that skips time cannot begin a new run after such a request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from airunway.api.status import Phase
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.temporal.converter import data_converter
from tests.workflows.deployment_image_world import Both
from tests.workflows.waiting import first
from tests.workflows.world import World

STEPS = [
    "validate",
    "select_engine",
    "evaluate_provider_rules",
    "render",
    "apply_upstream",
    "write_status",
]


@pytest_asyncio.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with TemporalServer(headless=True) as server:
        client = await Client.connect(server.address, data_converter=data_converter())
        yield WorkflowEnvironment.from_client(client)


async def run_of(world: World) -> str:
    run = (await world.handle.describe()).run_id
    assert run is not None
    return run


async def until_next_run(world: World, before: str) -> None:
    async def find() -> str | None:
        run = await run_of(world)
        return run if run != before else None

    await first(find)


async def test_twice_in_a_row_while_it_runs(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    for _ in range(2):
        await world.quiet()
        before = await run_of(world)
        await world.handle.cancel()
        await until_next_run(world, before)

    view = await world.quiet()
    assert (await world.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert view.state.status.phase is Phase.RUNNING
    await world.until(lambda: [reason for reason, _ in world.events].count("CancellationRequested") == 2)
    entry = next(entry for entry in view.state.journal.entries if entry.what == "CancellationRequested")
    assert entry.times == 2
    await world.edit()
    await world.until(lambda: world.upstream_generation == 2)


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_in_flight_goes_on_undisturbed(world: World, step: str) -> None:
    world.upstream_phase = Phase.RUNNING
    world.hold(step)
    await world.start()
    await world.until(lambda: step in world.at_gate)
    before = await run_of(world)

    await world.handle.cancel()
    world.release(step)

    await until_next_run(world, before)
    await world.until_phase(Phase.RUNNING)
    assert (await world.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert len(world.applied) == 1


async def test_a_build_that_runs_is_stopped_by_it(both: Both) -> None:
    gate = await both.being_built()

    await both.deployment.handle.cancel()

    await both.until_built("BuildCancelled")
    await both.until(lambda: both.images.cancelled == 1)
    gate.set()
    assert (await both.deployment.handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_the_next_run_shows_what_the_last_one_showed(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    before = await run_of(world)

    await world.handle.cancel()
    await until_next_run(world, before)
    await world.quiet()

    metadata = await world.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert metadata.current_details.startswith(f"### {world.ref}: Running")
    assert "a request to cancel this workflow changes nothing" in metadata.current_details
    assert {"retry", "cancel_build", "pause", "resume"} <= {
        signal.name for signal in metadata.definition.signal_definitions if signal.description
    }
    assert await (await world.handle.describe()).memo() == {"told": "the start"}
