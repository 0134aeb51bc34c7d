"""Errors of activities: retried where that helps, never the end of the workflow."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from airunway.api.status import Phase
from tests.workflows.world import World


async def test_every_step_survives_an_error(world: World) -> None:
    for step in (
        "validate",
        "select_engine",
        "evaluate_provider_rules",
        "render",
        "apply_upstream",
        "write_status",
    ):
        world.errors[step] = [ApplicationError("connection refused", type="Unreachable") for _ in range(3)]
    world.upstream_phase = Phase.RUNNING

    await world.start()

    await world.until_phase(Phase.RUNNING)
    assert not any(world.errors.values())


async def test_an_answer_that_was_lost_does_no_harm(world: World) -> None:
    """The effect happened, the worker died before it could say so; the step is done again."""
    world.upstream_phase = Phase.RUNNING
    world.errors["write_status"] = [ApplicationError("worker died", type="Lost")]

    await world.start()

    await world.until_phase(Phase.RUNNING)
    assert len(world.applied) == 1
    assert [event for event in world.events if event[0] == "DeploymentReady"] == [
        ("DeploymentReady", "all pods are ready")
    ]


async def test_a_final_error_is_shown_and_tried_again(world: World) -> None:
    world.errors["validate"] = [
        ApplicationError("not a ModelDeployment", type="Malformed", non_retryable=True)
    ]
    await world.start()
    view = await world.quiet()
    assert view.step == "stopped: Malformed: not a ModelDeployment"

    await world.skip(timedelta(minutes=1))

    await world.until_phase(Phase.DEPLOYING)


async def test_an_api_server_that_stays_away_is_said_and_recovered_from(world: World) -> None:
    away = ApplicationError("503 from the admission webhook", type="ServerError")
    world.errors["apply_upstream"] = [away for _ in range(100)]
    world.limits.step_patience = 1
    await world.start()
    await world.until(lambda: bool(world.statuses))
    assert "503 from the admission webhook" in world.status["message"]

    world.errors["apply_upstream"].clear()
    await world.skip(timedelta(minutes=6))
    await world.until_phase(Phase.DEPLOYING)
    assert world.condition("ProviderHealthy")["status"] == "True"
