"""From the first sight of a deployment to Running, and what is written on the way."""

from __future__ import annotations

import pytest

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Outcome
from airunway.api.status import Phase
from airunway.messages.deployment import StepFailure
from tests.workflows.world import World


async def test_a_deployment_is_applied_and_becomes_running_when_its_upstream_does(world: World) -> None:
    await world.start()
    status = await world.until_phase(Phase.DEPLOYING)
    assert status["provider"] == {
        "name": "acme",
        "selectedReason": "matched capabilities",
        "resourceName": world.ref.name,
        "resourceKind": "Server",
    }
    assert world.condition("ResourceCreated")["status"] == "True"
    assert world.condition("Ready")["reason"] == "DeploymentInProgress"

    await world.upstream(Phase.RUNNING)

    status = await world.until_phase(Phase.RUNNING)
    assert status["replicas"] == {"desired": 1, "ready": 1, "available": 1}
    assert status["endpoint"] == {"service": world.ref.name, "port": 80}
    assert world.condition("Ready") | {"lastTransitionTime": ""} == {
        "type": "Ready",
        "status": "True",
        "reason": "DeploymentReady",
        "message": "all pods are ready",
        "observedGeneration": 1,
        "lastTransitionTime": "",
    }
    assert [reason for reason, _ in world.events] == [
        "ProviderSelected",
        "ResourceCreated",
        "DeploymentReady",
    ]


async def test_changes_of_the_upstream_alone_do_not_decide_again(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    observations = world.observations

    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)

    assert world.observations == observations


@pytest.mark.world(outcome=Outcome.INVALID, finding="model.id is required when source is huggingface")
async def test_an_invalid_deployment_says_why_and_applies_nothing(world: World) -> None:
    await world.start()

    status = await world.until_phase(Phase.FAILED)

    assert status["message"] == "Validation failed: model.id is required when source is huggingface"
    assert world.condition("Validated")["reason"] == "ValidationFailed"
    assert world.rendered == []
    assert world.events == [("ValidationFailed", "model.id is required when source is huggingface")]


@pytest.mark.world(outcome=Outcome.PROVIDER_FAILED, finding="no compatible provider")
async def test_a_failed_selection_is_tried_again_when_a_config_changes(world: World) -> None:
    await world.start()
    await world.until(lambda: bool(world.statuses))
    assert (await world.quiet()).next_reconcile_at is None

    world.outcome = Outcome.OK
    await world.nudge("provider acme changed")

    await world.until_phase(Phase.DEPLOYING)


@pytest.mark.world(served_locally=False)
async def test_a_provider_with_its_own_worker_is_reached_through_its_queue(world: World) -> None:
    world.upstream_phase = Phase.RUNNING

    await world.start()

    await world.until_phase(Phase.RUNNING)


async def test_a_final_step_failure_stays_until_the_spec_changes(world: World) -> None:
    conditions = [
        Condition(
            type="ResourceCreated",
            status=ConditionStatus.FALSE,
            reason="TransformFailed",
            message="no such flag",
        )
    ]
    world.failure = StepFailure(reason="TransformFailed", message="no such flag", conditions=conditions)
    await world.start()
    status = await world.until_phase(Phase.FAILED)
    assert status["message"] == "no such flag"
    await world.quiet()

    await world.nudge("nothing new")
    await world.until(lambda: len(world.reads) == 1)
    assert len(world.rendered) == 1

    world.failure = None
    await world.edit()
    await world.until_phase(Phase.DEPLOYING)
    assert len(world.applied) == 1
