"""A final failure that lies in other objects ends by itself when those change: nobody retries by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airunway.api.conditions import condition
from airunway.api.status import Phase
from airunway.messages.deployment import StepFailure
from tests.workflows.world import World

WORDS = "Deployment ml/chat exists and belongs to Helm; delete or rename one of the two"


def in_the_way(reason: str = "ResourceConflict", words: str = WORDS) -> StepFailure:
    said = [condition(kind, "False", reason, words) for kind in ("ResourceCreated", "Ready")]
    return StepFailure(reason=reason, message=words, elsewhere=True, conditions=said)


async def test_it_goes_on_by_itself_once_nothing_is_in_the_way(world: World) -> None:
    world.failure = in_the_way()
    await world.start()
    await world.until_phase(Phase.FAILED)
    assert world.status["message"] == WORDS
    assert (await world.quiet()).next_reconcile_at is not None

    world.failure = None
    await world.skip(timedelta(minutes=6))

    await world.until_phase(Phase.DEPLOYING)
    view = await world.quiet()
    assert (view.state.failure, view.state.looks_elsewhere) == (None, 0)


async def test_it_looks_ever_more_seldom_and_writes_nothing_that_is_not_new(world: World) -> None:
    world.failure = in_the_way()
    await world.start()
    await world.until_phase(Phase.FAILED)
    await world.quiet()
    written = len(world.statuses)

    await world.skip(timedelta(minutes=1))
    await world.quiet()
    within_a_minute = len(world.rendered)
    await world.skip(timedelta(minutes=30))
    view = await world.quiet()

    assert within_a_minute >= 3
    assert len(world.rendered) - within_a_minute <= 9, "at last every five minutes"
    assert len(world.statuses) == written
    assert view.state.status.phase is Phase.FAILED


async def test_what_ran_before_goes_on_and_is_followed(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    world.failure = in_the_way()
    await world.edit()
    await world.until_phase(Phase.FAILED)
    await world.quiet()
    reads = len(world.reads)
    world.failure = None
    await world.skip(timedelta(minutes=6))

    await world.until_phase(Phase.RUNNING)
    assert reads > 0


@pytest.mark.parametrize("again", ["generation", "retry"])
async def test_an_edit_begins_anew(world: World, again: str) -> None:
    world.failure = in_the_way()
    await world.start()
    await world.until_phase(Phase.FAILED)
    await world.skip(timedelta(minutes=2))
    before = (await world.quiet()).state.looks_elsewhere
    assert before > 1

    await (world.edit() if again == "generation" else world.command("retry"))
    rendered = len(world.rendered)
    await world.until(lambda: len(world.rendered) > rendered)

    assert (await world.quiet()).state.looks_elsewhere < before


async def test_a_failure_of_the_spec_itself_has_no_timer(world: World) -> None:
    said = [condition("ResourceCreated", "False", "TransformFailed", "spec.model.id: cannot be rendered")]
    world.failure = StepFailure(reason="TransformFailed", message="spec.model.id", conditions=said)
    await world.start()
    await world.until_phase(Phase.FAILED)

    assert (await world.quiet()).next_reconcile_at is None
