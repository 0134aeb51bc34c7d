"""What a refusal teaches is tried once, told and kept; what a refusal waits for is no failure."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.cluster_features import recorded_features
from airunway.api.conditions import condition
from airunway.api.status import Phase
from airunway.messages.deployment import StepFailure
from tests.workflows.world import World

LEARNED = "PresetWithoutToken"


def refusal(reason: str = "RefusalLearned", *, learned: str = LEARNED, seconds: int = 0) -> StepFailure:
    words = "Workspace chat: This preset does not require a modelAccessSecret"
    return StepFailure(
        reason=reason,
        message=words,
        final=False,
        retry_seconds=seconds,
        learned=learned,
        conditions=[condition("ResourceCreated", "False", reason, words)],
    )


async def test_the_second_try_comes_at_once_and_is_told(world: World) -> None:
    world.refusals = [refusal()]
    world.upstream_phase = Phase.RUNNING

    await world.start()
    await world.until_phase(Phase.RUNNING)

    first, second = world.rendered[0], world.rendered[1]
    assert (first.cluster_features, second.cluster_features) == (None, [LEARNED])
    assert len(world.applied) == 2
    entry = next(entry for entry in (await world.quiet()).state.journal.entries if entry.what == "SecondTry")
    assert "does not require a modelAccessSecret" in entry.message
    assert LEARNED in entry.message
    assert "SecondTry" in [reason for reason, _ in world.events]


async def test_it_is_kept_for_every_later_pass(world: World) -> None:
    world.refusals = [refusal()]
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    await world.edit()
    await world.until_phase(Phase.RUNNING)

    view = await world.quiet()
    assert recorded_features(view.state.conditions) == [LEARNED]
    assert world.rendered[-1].cluster_features == [LEARNED]


async def test_what_is_waited_for_is_no_failure_and_is_tried_again_by_itself(world: World) -> None:
    world.refusals = [refusal("WaitingForCluster", learned="", seconds=30) for _ in range(3)]
    await world.start()
    await world.until_phase(Phase.PENDING)
    view = await world.quiet()
    assert view.state.failure is None
    assert view.next_reconcile_at is not None
    assert world.status["message"] == refusal().message

    await world.skip(timedelta(minutes=3))

    await world.until_phase(Phase.DEPLOYING)
    assert not world.refusals


async def test_a_failure_that_is_over_is_not_shown_while_it_waits(world: World) -> None:
    words = "Workspace chat: quota exceeded"
    said = [condition("ResourceCreated", "False", "CreateFailed", words)]
    final = StepFailure(reason="CreateFailed", message=words, elsewhere=True, conditions=said)
    world.refusals = [final, *(refusal("WaitingForCluster", learned="", seconds=30) for _ in range(2))]
    await world.start()
    await world.until_phase(Phase.FAILED)

    await world.skip(timedelta(seconds=20))

    await world.until_phase(Phase.PENDING)
