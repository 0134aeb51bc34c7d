"""A run ends only when its deployment is known to be gone and nothing was signalled since."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from airunway.api.status import Phase
from tests.workflows.world import World

FINALIZER = "airunway.ai/acme-provider"


async def running(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    world.finalizers = [FINALIZER]
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def let_go_by_hand(world: World) -> None:
    """Somebody takes the finalizer off, and the object goes."""
    world.finalizers, world.exists = [], False


@pytest.mark.parametrize("step", ["validate", "write_status", "release_upstream", "remove_finalizers"])
async def test_a_deployment_made_anew_at_any_step_of_the_end_is_not_lost(world: World, step: str) -> None:
    await running(world)
    world.hold(step)
    await world.delete()
    await world.until(lambda: step in world.at_gate)

    await let_go_by_hand(world)
    await world.recreate("uid-2")
    if step != "release_upstream":  # that one is left: a worker that is away could hold it for minutes
        world.release(step)

    await world.until(lambda: world.applied[-1].rendered_from.uid == "uid-2")
    view = await world.quiet()
    assert view.state.uid == "uid-2"
    assert view.state.status.phase is Phase.RUNNING
    assert (await world.handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_run_that_is_long_when_it_lets_go_says_how_it_ended(world: World) -> None:
    world.limits.history_events = 1  # it continues as new after every second reconcile
    await running(world)

    await world.delete()

    assert await world.handle.result() == "deleted"


async def test_a_new_deployment_of_the_name_continues_as_new_though_the_old_one_was_let_go(
    world: World,
) -> None:
    await running(world)
    world.hold("remove_finalizers")
    await world.delete()
    await world.until(lambda: "remove_finalizers" in world.at_gate)
    await let_go_by_hand(world)
    await world.recreate("uid-2")
    world.release("remove_finalizers")
    await world.until(lambda: world.applied[-1].rendered_from.uid == "uid-2")
    await world.quiet()
    before = (await world.handle.describe()).run_id

    world.limits.history_events = 1
    await world.edit()
    await world.quiet()
    await world.edit()
    await world.quiet()

    assert (await world.handle.describe()).run_id != before


async def test_a_deployment_made_anew_during_the_last_look_is_not_lost(world: World) -> None:
    await running(world)
    world.hold("remove_finalizers")
    await world.delete()
    await world.until(lambda: "remove_finalizers" in world.at_gate)
    world.hold("validate")
    world.release("remove_finalizers")
    await world.until(lambda: "validate" in world.at_gate)
    assert not world.exists

    await world.recreate("uid-2")
    world.release("validate")

    await world.until(lambda: world.applied[-1].rendered_from.uid == "uid-2")
    assert (await world.quiet()).state.uid == "uid-2"


async def test_the_watchers_own_signal_does_not_keep_it_alive(world: World) -> None:
    await running(world)

    await world.delete()
    await world.nudge("deployment is gone")

    assert await world.handle.result() == "deleted"


async def test_every_change_of_a_deletion_stays_in_the_history(world: World) -> None:
    await running(world)
    await world.delete()
    assert await world.handle.result() == "deleted"

    history = await world.handle.fetch_history()

    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    steps = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.event_type == scheduled
    ]
    assert steps[-3:] == ["write_status", "release_upstream", "remove_finalizers"]
    assert {"Deleted", "FinalizersRemoved"} <= {what for what, _ in await world.journal()}


async def test_finalizers_of_others_are_waited_for_without_a_timer(world: World) -> None:
    await running(world)
    world.finalizers = [FINALIZER, "example.com/backup"]

    await world.delete()
    await world.until(lambda: world.finalizers == ["example.com/backup"])
    view = await world.quiet()

    assert view.next_reconcile_at is None
    assert "example.com/backup" in view.step
    world.exists = False
    await world.nudge("deployment is gone")
    assert await world.handle.result() == "deleted"


async def test_deleted_and_made_anew_again_and_again(world: World) -> None:
    await running(world)

    for number in range(2, 8):
        world.finalizers = [FINALIZER]
        await world.delete()
        await world.until(lambda: not world.exists)
        await world.recreate(f"uid-{number}")
        await world.until(lambda wanted=f"uid-{number}": world.applied[-1].rendered_from.uid == wanted)  # type: ignore[misc]
    assert (await world.quiet()).state.status.phase is Phase.RUNNING
