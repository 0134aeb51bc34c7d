"""A provider that cannot be used holds new deployments and leaves running ones alone."""

from __future__ import annotations

import pytest

from airunway.api.status import Phase
from tests.workflows.world import World


@pytest.mark.world(provider_ready=False, provider_reason="UpstreamControllerMissing")
async def test_a_new_deployment_waits_for_its_provider(world: World) -> None:
    await world.start()
    await world.until(lambda: bool(world.statuses))
    assert world.status["phase"] == "Pending"
    assert world.condition("Ready")["reason"] == "UpstreamControllerMissing"
    assert ("UpstreamControllerMissing", "provider acme is not ready") in world.events
    assert world.rendered == []
    await world.quiet()

    world.provider_ready = True
    await world.nudge("provider acme changed")

    await world.until_phase(Phase.DEPLOYING)
    assert world.condition("ProviderHealthy")["status"] == "True"


async def test_a_running_deployment_stays_running_when_its_provider_goes(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    world.provider_ready, world.provider_reason = False, "UpstreamControllerNotReady"
    await world.nudge("provider acme changed")
    await world.until(lambda: world.condition("Validated") and len(world.statuses) > 1)

    assert world.status["phase"] == "Running"
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("ProviderHealthy")["reason"] == "UpstreamControllerNotReady"


@pytest.mark.world(served_locally=False, provider_worker=False)
async def test_a_provider_whose_worker_does_not_answer_is_said_so(world: World) -> None:
    world.limits.step_patience = 1

    await world.start()

    await world.until(lambda: bool(world.statuses))
    assert world.condition("ProviderHealthy")["reason"] == "StepFailed"
    assert "no worker" in world.status["message"]


@pytest.mark.world(task_queue="")
async def test_a_provider_controller_outside_gets_the_deployment_handed_over(world: World) -> None:
    await world.start()
    await world.until(lambda: bool(world.statuses))

    assert world.status["provider"]["name"] == "acme"
    assert "phase" not in world.status, "the controller writes the phase"
    assert world.rendered == []
