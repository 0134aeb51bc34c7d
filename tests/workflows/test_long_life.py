"""A deployment that lives long: the safety net, and continuing as new."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.status import DeploymentStatus, Phase
from airunway.workflows.model_deployment.status_writer import digest_of
from tests.workflows.world import World


async def test_an_idle_deployment_is_reconciled_once_an_hour(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    observations, reads, writes = world.observations, len(world.upstream_requests), len(world.statuses)

    await world.skip(timedelta(hours=10))
    await world.quiet()

    assert 8 <= world.observations - observations <= 12
    assert 8 <= len(world.upstream_requests) - reads <= 12
    assert len(world.statuses) == writes


async def test_it_continues_as_new_with_all_it_knows(world: World) -> None:
    world.limits.history_events = 60
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    first = (await world.handle.describe()).run_id
    before = dict(world.status)

    await world.skip(timedelta(hours=12))
    view = await world.quiet()

    assert (await world.handle.describe()).run_id != first
    assert view.state.written == digest_of(DeploymentStatus.model_validate(before))
    assert world.status == before, "continuing as new must not change what is shown"


async def test_a_status_to_be_written_again_is_not_forgotten_when_it_continues_as_new(world: World) -> None:
    world.limits.history_events = 1  # after every wait
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    before = len(world.statuses)

    hint = world.hint("status was changed by somebody else")
    await world.handle.signal("object_changed", hint.model_copy(update={"status_changed": True}))

    await world.until(lambda: len(world.statuses) > before)
