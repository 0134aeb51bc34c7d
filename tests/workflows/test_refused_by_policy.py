"""What an administrator's policy refuses is a final failure, until the policy allows it."""

from __future__ import annotations

from airunway.api.conditions import condition, find_condition
from airunway.api.status import Phase
from airunway.messages.deployment import StepFailure
from tests.workflows.world import World

WORDS = "the image evil/x is not allowed by AIRUNWAY_ALLOWED_IMAGES (quay.io/*); take an image that is"


def refusal() -> StepFailure:
    said = [condition(kind, "False", "ImageNotAllowed", WORDS) for kind in ("ResourceCreated", "Ready")]
    return StepFailure(reason="ImageNotAllowed", message=WORDS, by_policy=True, conditions=said)


async def test_it_fails_without_a_timer_and_goes_on_by_itself(world: World) -> None:
    world.failure = refusal()
    await world.start()
    await world.until_phase(Phase.FAILED)
    view = await world.quiet()
    assert view.next_reconcile_at is None
    assert view.state.status.message == WORDS
    assert not world.applied

    world.failure = None
    await world.nudge("what may run in namespace default changed")

    await world.until_phase(Phase.DEPLOYING)
    assert (await world.quiet()).state.failure is None


async def test_a_look_that_finds_the_same_policy_writes_nothing(world: World) -> None:
    world.failure = refusal()
    await world.start()
    await world.until_phase(Phase.FAILED)
    await world.quiet()
    written, rendered = len(world.statuses), len(world.rendered)

    await world.nudge("it was refused by a policy for images or models, which may have changed")

    await world.until(lambda: len(world.rendered) == rendered + 1)
    await world.quiet()
    assert len(world.statuses) == written
    assert not world.applied


async def test_what_runs_already_goes_on_and_is_followed(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    applied = len(world.applied)

    world.failure = refusal()
    await world.nudge("what may run in namespace default changed")
    await world.until_phase(Phase.FAILED)
    view = await world.quiet()

    created = find_condition(view.state.conditions, "ResourceCreated")
    assert created is not None and created.reason == "ImageNotAllowed"
    assert view.state.status.endpoint is not None, "it serves as before"
    assert len(world.applied) == applied

    world.failure = None
    await world.nudge("what may run in namespace default changed")
    await world.until_phase(Phase.RUNNING)


async def test_verified_digests_are_handed_to_the_next_rendering(world: World) -> None:
    world.pinned_images = {"quay.io/a:1": "sha256:0"}
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()

    await world.edit()
    await world.until(lambda: len(world.rendered) > 1)

    assert world.rendered[0].pinned_images == {}
    assert world.rendered[-1].pinned_images == world.pinned_images
