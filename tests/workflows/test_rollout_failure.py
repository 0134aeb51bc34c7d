"""A roll-out that cannot come up fails with a reason, until there is a reason to try again."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.status import Phase
from airunway.messages.commands import RETRY
from airunway.messages.deployment import PodFinding, StepFailure
from tests.workflows.world import World


async def test_the_deadline_of_a_rollout_passes(world: World) -> None:
    world.findings = [PodFinding(reason="Unschedulable", message="0/3 nodes have enough nvidia.com/gpu")]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    await world.skip(timedelta(minutes=11))

    status = await world.until_phase(Phase.FAILED)
    assert status["message"] == "Unschedulable: 0/3 nodes have enough nvidia.com/gpu"
    assert world.condition("Ready")["reason"] == "DeploymentFailed"


async def test_the_cause_is_shown_while_there_is_hope(world: World) -> None:
    world.findings = [PodFinding(reason="ImagePullBackOff", message="example/x: not reachable")]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    await world.skip(timedelta(seconds=15))

    await world.until(lambda: world.status.get("message") == "ImagePullBackOff: example/x: not reachable")
    assert world.status["phase"] == "Deploying"


async def test_what_the_upstream_object_waits_for_is_shown(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    await world.upstream(Phase.DEPLOYING, "no node matches the label selector")

    await world.until(lambda: world.status.get("message") == "no node matches the label selector")
    assert world.condition("Ready")["reason"] == "DeploymentInProgress"


async def test_a_final_cause_fails_before_the_deadline(world: World) -> None:
    world.findings = [PodFinding(reason="CrashLoopBackOff", message="exit code 137 (OOMKilled)", final=True)]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    await world.skip(timedelta(seconds=15))

    await world.until_phase(Phase.FAILED)


async def test_retry_restarts_the_clock(world: World) -> None:
    world.findings = [PodFinding(reason="CrashLoopBackOff", message="exit code 1", final=True)]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    await world.quiet()
    world.findings = []

    await world.command(RETRY)

    await world.until_phase(Phase.DEPLOYING)
    assert len(world.rendered) == 2


async def test_a_failed_rollout_that_comes_up_after_all_is_running(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(minutes=11))
    await world.until_phase(Phase.FAILED)

    await world.upstream(Phase.RUNNING)

    await world.until_phase(Phase.RUNNING)
    assert (await world.quiet()).state.failure is None


async def test_a_changed_provider_config_is_a_reason_to_try_again(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(minutes=11))
    await world.until_phase(Phase.FAILED)
    await world.quiet()

    world.configs_digest = "configs-2"
    await world.nudge("provider acme changed")

    await world.until(lambda: len(world.rendered) == 2)


async def test_what_is_gone_with_its_kind_does_not_run(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    missing = Condition(
        type="Ready", status=ConditionStatus.FALSE, reason="CRDMissing", message="no kind Server"
    )
    world.failure = StepFailure(
        reason="CRDMissing", message="no kind Server", final=False, retry_seconds=30, conditions=[missing]
    )

    world.upstream_there = False
    await world.nudge("Server x was deleted", upstream_only=True)

    status = await world.until_phase(Phase.DEPLOYING)
    assert status["message"] == "no kind Server"

    world.failure = None  # the kind is back; nobody says so
    await world.skip(timedelta(seconds=40))
    await world.until_phase(Phase.RUNNING)


async def test_what_an_upstream_object_said_goes_when_it_says_otherwise(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.FAILED, "exceeded quota: gpus")
    assert (await world.until_phase(Phase.FAILED))["message"] == "exceeded quota: gpus"

    await world.upstream(Phase.DEPLOYING, "")

    await world.until_phase(Phase.DEPLOYING)
    assert "quota" not in str(world.status)
    assert (await world.quiet()).state.failure is None


async def test_what_is_not_ready_in_time_says_what_it_waits_for_now(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.DEPLOYING, "exceeded quota: gpus")
    await world.skip(timedelta(minutes=11))
    assert "exceeded quota" in (await world.until_phase(Phase.FAILED))["message"]

    await world.upstream(Phase.DEPLOYING, "weights are downloaded")

    await world.until(lambda: (world.status.get("message") or "").endswith("weights are downloaded"))
    assert world.status["phase"] == "Failed"
    assert "quota" not in str(world.status)
