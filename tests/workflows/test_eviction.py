"""A run that the worker drops from its memory half-way lets itself be dropped.

One that catches the cancellation which this is would keep a thread of the worker busy for ever.
"""

from __future__ import annotations

import asyncio

import pytest
from temporalio.testing import WorkflowEnvironment

from airunway.api.status import Phase
from airunway.workers.replay_check import ReplayCheck
from tests.workflows.image_world import ImageWorld
from tests.workflows.world import World


@pytest.mark.timeout(60)
async def test_an_image_that_is_being_built_is_dropped(env: WorkflowEnvironment) -> None:
    world = ImageWorld(env)
    async with world.core_worker(), world.build_worker():
        world.gate = asyncio.Event()
        listener = await world.wait_for_image()
        await world.until(lambda: world.building == 1)
        history = await world.image.fetch_history()

        difference = await ReplayCheck(env.client.data_converter).difference(history)

        assert difference is None  # a replay ends with the run being dropped
        world.gate.set()
        await world.outcome(listener)
        await listener.terminate()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("step", ["apply_upstream", "write_status", ""])
async def test_a_deployment_is_dropped_wherever_it_is(world: World, step: str) -> None:
    world.upstream_phase = Phase.RUNNING
    if step:
        world.hold(step)
    await world.start()
    await world.until(lambda: step in world.at_gate if step else bool(world.statuses))

    history = await world.handle.fetch_history()
    difference = await ReplayCheck(world.env.client.data_converter).difference(history)

    assert difference is None
    if step:
        world.release(step)
    await world.until_phase(Phase.RUNNING)
