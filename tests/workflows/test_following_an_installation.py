"""Following an installation from the command line comes to an end, whatever becomes of the workflow."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from airunway.cli.problems import CliError
from airunway.cli.provider_follow import follow
from airunway.messages.installation import INSTALL_CHART, PREFLIGHT
from tests.workflows.installer_world import InstallerWorld, core_worker, final, installer_worker


async def test_a_workflow_that_was_terminated_is_not_followed_for_ever(env: WorkflowEnvironment) -> None:
    world = InstallerWorld(env)
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    async with core_worker(world), installer_worker(world):
        request = await world.ask()
        await world.until(lambda: INSTALL_CHART.name in world.calls)
        following = asyncio.create_task(follow(env.client, world.handle, request, quiet=True))

        await world.handle.terminate()

        with pytest.raises(CliError, match=r"ended .*terminated"):
            async with asyncio.timeout(90):
                await following


async def test_an_outcome_is_found_though_another_run_has_begun(env: WorkflowEnvironment) -> None:
    world = InstallerWorld(env)
    world.errors[PREFLIGHT.name] = [final()]
    async with core_worker(world), installer_worker(world):
        request = await world.ask()
        first = world.handle
        await world.outcome(request)
        await world.skip(timedelta(hours=2))
        await world.outcome(await world.ask())

        async with asyncio.timeout(90):
            _, outcome = await follow(env.client, first, request, quiet=True)

        assert not outcome.succeeded
