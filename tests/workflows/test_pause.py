"""The annotation `reconcile-paused` holds everything but a deletion."""

from __future__ import annotations

import pytest

from airunway.api.status import Phase
from airunway.messages.commands import PAUSE
from tests.workflows.world import World


@pytest.mark.world(paused=True)
async def test_nothing_is_written_while_paused_and_it_resumes(world: World) -> None:
    await world.start()
    view = await world.quiet()
    assert view.step == "paused by annotation"
    assert (world.statuses, world.rendered) == ([], [])

    world.paused = False
    await world.nudge("annotations changed")

    await world.until_phase(Phase.DEPLOYING)


async def test_what_is_changed_by_hand_while_paused_stays_so(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.paused = True
    await world.nudge("annotations changed")
    await world.quiet()
    before = len(world.calls)

    await world.nudge("Server x was deleted", upstream_only=True)
    await world.quiet()

    assert set(world.calls[before:]) <= {"validate"}


async def test_what_is_asked_while_the_annotation_holds_it_leaves_its_event_at_once(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.paused = True
    await world.nudge("annotations changed")
    await world.quiet()
    written = len(world.statuses)

    await world.command(PAUSE, reason="maintenance")
    await world.quiet()

    assert ("Pause", "pause asked for by alice@laptop: maintenance") in world.events
    assert len(world.statuses) == written


@pytest.mark.world(paused=True, finalizers=["airunway.ai/acme-provider"])
async def test_a_paused_deployment_can_be_deleted(world: World) -> None:
    await world.start()
    await world.quiet()

    await world.delete()

    assert await world.handle.result() == "deleted"
    assert world.finalizers == []
