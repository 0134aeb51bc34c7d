"""A new generation makes stale whatever the old one was waiting for."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Outcome
from airunway.api.status import Phase
from airunway.messages.deployment import StepFailure
from tests.workflows.world import World


async def test_a_new_generation_is_applied_and_its_readiness_counts(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    world.upstream_phase = Phase.DEPLOYING
    await world.edit()

    status = await world.until_phase(Phase.DEPLOYING)
    assert status["observedGeneration"] == 2
    assert world.condition("Ready")["status"] == "False"
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    assert world.condition("Ready")["observedGeneration"] == 2


async def test_in_an_edit_storm_the_latest_generation_wins(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    for _ in range(50):
        world.generation += 1
        await world.nudge(f"generation {world.generation}")
    world.upstream_phase = Phase.RUNNING
    await world.nudge("settled")

    await world.until(lambda: world.statuses[-1].get("observedGeneration") == 51)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    assert world.upstream_generation == 51
    applied = [request.rendered_from.generation for request in world.applied]
    assert applied == sorted(applied), "an older generation was applied after a newer one"
    seen = [status["observedGeneration"] for status in world.statuses]
    assert seen == sorted(seen)


async def test_a_step_that_hangs_is_left_when_a_new_generation_arrives(world: World) -> None:
    world.served_locally = False  # the step is waited for in the provider's queue
    closed = world.hold("apply_upstream")
    await world.start()
    await world.until(lambda: bool(world.at_gate))

    del world.gates["apply_upstream"]
    await world.edit()

    await world.until_phase(Phase.DEPLOYING)
    assert world.statuses[-1]["observedGeneration"] == 2
    closed.set()
    await world.quiet()
    assert world.statuses[-1]["observedGeneration"] == 2


async def test_a_deployment_of_the_same_name_starts_from_nothing(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    world.upstream_phase = Phase.DEPLOYING
    await world.recreate("uid-2")

    await world.until_phase(Phase.DEPLOYING)
    assert world.rendered[-1].uid == "uid-2"
    assert world.rendered[-1].applied == []


async def test_a_refused_generation_is_said_while_the_former_one_serves(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    world.outcome, world.finding = Outcome.INVALID, "spec.engine.image is wrong"
    await world.edit()
    await world.until(lambda: world.status["observedGeneration"] == 2)
    await world.upstream(Phase.RUNNING)
    view = await world.quiet()

    assert world.status["phase"] == "Running"
    assert world.status["message"] == "Validation failed: spec.engine.image is wrong"
    assert world.condition("Ready")["observedGeneration"] == 1, "generation 2 is not what is ready"
    assert world.condition("Validated")["observedGeneration"] == 2
    assert "spec.engine.image is wrong" in view.step

    world.outcome = Outcome.OK
    await world.edit()
    await world.until(lambda: world.status["message"] == "all pods are ready")
    assert world.condition("Ready")["observedGeneration"] == 3


async def test_a_refused_generation_does_not_hide_that_the_former_one_crashes(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.outcome, world.finding = Outcome.INVALID, "spec.engine.image is wrong"
    await world.edit()
    await world.until(lambda: world.status["observedGeneration"] == 2)

    crash = "pod chat-0 is not ready (CrashLoopBackOff)"
    await world.upstream(Phase.DEPLOYING, crash)

    refusal = "Validation failed: spec.engine.image is wrong"
    both = f"{crash}; the last edit is refused: {refusal}"
    await world.until(lambda: world.status["message"] == both)
    assert world.condition("Stalled")["message"] == both
    assert world.condition("Ready")["status"] == "False"

    await world.upstream(Phase.RUNNING, "1 of 2 pods are ready")
    await world.until(lambda: world.status["message"].startswith("1 of 2 pods are ready; the last edit"))

    await world.upstream(Phase.RUNNING)
    await world.until(lambda: world.status["message"] == refusal)
    assert world.condition("Ready")["status"] == "True"


async def test_a_generation_that_cannot_be_applied_does_not_hide_that_the_former_one_crashes(
    world: World,
) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    words = "the args cannot be parsed"
    refused = Condition(
        type="ResourceCreated", status=ConditionStatus.FALSE, reason="TransformFailed", message=words
    )
    world.failure = StepFailure(reason="TransformFailed", message=words, conditions=[refused])
    await world.edit()
    await world.until_phase(Phase.FAILED)

    await world.upstream(Phase.DEPLOYING, "pod chat-0 is not ready (CrashLoopBackOff)")

    await world.until(
        lambda: world.status["message"] == f"pod chat-0 is not ready (CrashLoopBackOff); {words}"
    )
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Ready")["observedGeneration"] == 1

    await world.upstream(Phase.RUNNING)
    await world.until(lambda: world.status["message"] == words)
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Ready")["observedGeneration"] == 1, "generation 2 is not what is ready"


async def test_what_serves_still_does_not_end_the_failure_of_a_newer_generation(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    words = "the args cannot be parsed"
    refused = Condition(
        type="ResourceCreated", status=ConditionStatus.FALSE, reason="TransformFailed", message=words
    )
    world.failure = StepFailure(reason="TransformFailed", message=words, conditions=[refused])
    await world.edit()
    await world.until_phase(Phase.FAILED)

    world.failure = None  # it would come up, but is not to be tried: nothing has changed
    for _ in range(3):
        await world.upstream(Phase.RUNNING)
        await world.quiet()

    assert (world.status["phase"], world.status["message"]) == ("Failed", words)
    assert world.condition("ResourceCreated")["status"] == "False"
    assert len(world.applied) == 1
    assert [reason for reason, _ in world.events].count("TransformFailed") == 1


async def test_a_refused_generation_is_not_looked_at_until_something_changes(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.outcome, world.finding = Outcome.INVALID, "spec.engine.image is wrong"
    await world.edit()
    await world.until(lambda: world.status["observedGeneration"] == 2)
    assert (await world.quiet()).next_reconcile_at is None
    observations = world.observations

    await world.skip(timedelta(hours=1))
    await world.quiet()

    assert world.observations == observations


async def test_the_failure_of_an_earlier_generation_is_not_said_of_one_that_cannot_begin(
    world: World,
) -> None:
    world.failure = StepFailure(reason="TransformFailed", message="no such flag", final=True)
    await world.start()
    await world.until_phase(Phase.FAILED)
    assert world.condition("Stalled")["reason"] == "TransformFailed"

    world.provider_ready, world.failure = False, None
    await world.edit()

    await world.until(lambda: world.status["observedGeneration"] == 2)
    assert world.status["phase"] == "Pending"
    assert not [entry for entry in world.status["conditions"] if entry["type"] == "Stalled"]
    assert world.condition("Reconciling")["status"] == "True"
