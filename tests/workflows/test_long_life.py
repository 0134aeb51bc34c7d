"""A deployment that lives long: the safety net, and continuing as new."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.status import DeploymentStatus, Phase
from airunway.messages.deployment_workflow import OBJECT_CHANGED
from airunway.workflows.model_deployment.status_writer import digest_of
from tests.workflows.world import World


async def test_an_idle_deployment_costs_nothing(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    assert (await world.quiet()).next_reconcile_at is None
    events, calls = (await world.handle.describe()).history_length, len(world.calls)

    await world.skip(timedelta(days=10))

    assert (await world.handle.describe()).history_length == events
    assert len(world.calls) == calls


async def test_it_continues_as_new_with_all_it_knows(world: World) -> None:
    world.limits.history_events = 60
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    first = (await world.handle.describe()).run_id
    before = dict(world.status)

    await world.quiet()
    for number in range(20):
        await world.nudge(f"look {number}")
        await world.quiet()
    view = await world.quiet()

    assert (await world.handle.describe()).run_id != first
    assert view.state.written == digest_of(DeploymentStatus.model_validate(before))
    assert world.status == before, "continuing as new must not change what is shown"


async def test_a_status_to_be_written_again_is_not_forgotten_when_it_continues_as_new(world: World) -> None:
    world.limits.history_events = 1  # after every second reconcile
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    before = len(world.statuses)

    hint = world.hint("status was changed by somebody else")
    await world.handle.signal(OBJECT_CHANGED, hint.model_copy(update={"status_changed": True}))

    await world.until(lambda: len(world.statuses) > before)
