"""A deployment is published after everything else, and nothing waits for that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.api.status import Phase
from airunway.workflows.model_deployment.gateway import LEFT_BEHIND
from tests.workflows.world import World

STEPS = ("read_gateway", "apply_gateway", "remove_gateway")


def steps(world: World) -> dict[str, int]:
    return {name: world.calls.count(name) for name in STEPS if name in world.calls}


def ready(world: World) -> tuple[str, str]:
    entries = [entry for entry in world.status.get("conditions", []) if entry["type"] == "GatewayReady"]
    return (entries[0]["status"], entries[0]["reason"]) if entries else ("", "")


async def running(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


@pytest.mark.world(gateway_served=True)
async def test_it_is_published_when_it_runs_and_the_status_says_so_when_that_is_true(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    assert steps(world) == {}
    await world.upstream(Phase.RUNNING)
    await world.until(lambda: ready(world) == ("False", "HTTPRoutePending"))

    world.route_accepted = True
    await world.gateway_changed()
    await world.until(lambda: ready(world) == ("True", "GatewayConfigured"))

    assert world.status["gateway"] == {
        "endpoint": "10.1.2.3",
        "modelName": "m",
        "gatewayNamespace": "edge",
    }
    assert world.calls.count("apply_gateway") == 1
    kinds = [what for what, _ in await world.journal()]
    assert "Applied" in kinds
    assert ("GatewayReady", "model name 'm' on Gateway edge/gw") in world.events
    first = next(status for status in world.statuses if status["phase"] == "Running")
    assert "gateway" not in first, "Running was said before anything of the gateway was done"


@pytest.mark.world(gateway_served=True, route_accepted=True, gateway_recheck_seconds=300)
async def test_what_no_watch_brings_is_looked_at_now_and_then(world: World) -> None:
    await running(world)
    await world.gateway_changed()
    await world.until(lambda: ready(world)[0] == "True")
    view = await world.quiet()
    assert view.next_reconcile_at is not None
    before = world.calls.count("read_gateway")

    await world.skip(timedelta(seconds=301))

    await world.until(lambda: world.calls.count("read_gateway") > before)
    assert world.calls.count("apply_gateway") == 1


async def test_without_gateway_api_nothing_is_done_and_nothing_said(world: World) -> None:
    await running(world)

    assert steps(world) == {}
    assert ready(world) == ("", "")
    assert "gateway" not in world.status


@pytest.mark.world(gateway_enabled=True)
async def test_who_asks_for_it_is_told_what_the_cluster_lacks(world: World) -> None:
    await running(world)

    assert ready(world) == ("False", "CRDsNotAvailable")
    assert steps(world) == {}
    assert world.status["phase"] == "Running"


async def test_kinds_that_come_later_are_used_and_that_they_went_is_said(world: World) -> None:
    await running(world)
    world.gateway_served, world.route_accepted = True, True
    await world.gateway_changed("the cluster serves Gateway API")
    await world.until(lambda: ready(world)[0] == "True")

    world.gateway_served = False
    await world.gateway_changed("the cluster serves Gateway API no more")
    await world.until(lambda: ready(world) == ("False", "CRDsNotAvailable"))

    assert "gateway" not in world.status
    assert world.calls.count("remove_gateway") == 0
    world.gateway_served = True
    await world.gateway_changed("the cluster serves Gateway API")
    await world.until(lambda: ready(world)[0] == "True")


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_switched_off_it_is_taken_back_once_and_on_again_made(world: World) -> None:
    await running(world)
    world.gateway_enabled = False
    await world.edit()
    await world.until(lambda: ready(world) == ("False", "GatewayDisabled"))
    await world.edit()
    await world.quiet()

    assert "gateway" not in world.status
    assert world.calls.count("remove_gateway") == 1
    assert not world.route_there
    world.gateway_enabled = None
    await world.edit()
    await world.until(lambda: ready(world)[0] == "True")


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_switched_off_in_an_edit_that_is_refused_it_is_taken_back_all_the_same(world: World) -> None:
    from airunway.api.decision import Outcome

    await running(world)
    world.gateway_enabled, world.outcome, world.finding = False, Outcome.INVALID, "spec.x is wrong"
    await world.edit()

    await world.until(lambda: ready(world) == ("False", "GatewayDisabled"))


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_an_edit_that_is_refused_keeps_the_route(world: World) -> None:
    from airunway.api.decision import Outcome

    await running(world)
    world.outcome, world.finding = Outcome.INVALID, "spec.x is wrong"
    await world.edit()
    await world.quiet()

    assert world.route_there
    assert world.status["gateway"]["modelName"] == "m"


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_what_does_not_run_any_more_keeps_its_route_and_does_not_say_that_it_serves(
    world: World,
) -> None:
    await running(world)
    await world.upstream(Phase.DEPLOYING, "a pod went")
    await world.until(lambda: ready(world) == ("False", "DeploymentNotRunning"))

    assert world.route_there
    await world.upstream(Phase.RUNNING)
    await world.until(lambda: ready(world)[0] == "True")


@pytest.mark.world(gateway_served=True, route_accepted=True, finalizers=["airunway.ai/acme-provider"])
async def test_a_deletion_takes_the_route_before_the_objects_behind_it(world: World) -> None:
    await running(world)
    await world.delete()
    result = await world.handle.result()

    ends = [name for name in world.calls if name in ("remove_gateway", "release_upstream")]
    assert ends[:2] == ["remove_gateway", "release_upstream"]
    assert world.calls.count("remove_gateway") == 1
    assert not world.route_there
    assert result == "deleted"


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_of_one_that_is_gone_the_rest_is_taken_back(world: World) -> None:
    await running(world)
    await world.delete()

    await world.handle.result()

    assert world.calls.count("remove_gateway") == 1


def taken_back_late(times: int) -> list[Exception]:
    return [ApplicationError("the API is away", non_retryable=True)] * times


@pytest.mark.world(gateway_served=True, route_accepted=True, finalizers=["airunway.ai/acme-provider"])
async def test_a_deletion_keeps_its_finalizer_until_everything_is_taken_back(world: World) -> None:
    await running(world)
    world.errors["remove_gateway"] = taken_back_late(3)

    await world.delete()

    assert await world.handle.result() == "deleted"
    assert world.calls.count("remove_gateway") == 4
    assert world.calls.index("remove_finalizers") > _last(world.calls, "remove_gateway")
    assert not world.route_there
    assert not [reason for reason, _ in world.events if reason == "FinalizerTimeout"]


@pytest.mark.world(gateway_served=True, route_accepted=True, finalizers=["airunway.ai/acme-provider"])
async def test_what_can_never_be_taken_back_does_not_hold_a_deletion_for_ever(world: World) -> None:
    await running(world)
    world.errors["remove_gateway"] = taken_back_late(1000)

    await world.delete()

    assert await world.handle.result() == "deleted"
    assert world.finalizers == []
    assert [words for reason, words in world.events if reason == "FinalizerTimeout"] == [LEFT_BEHIND]


@pytest.mark.world(gateway_served=True, route_accepted=True, finalizers=["airunway.ai/acme-provider"])
async def test_a_webhook_that_holds_the_route_is_named(world: World) -> None:
    await running(world)
    refusal = 'HTTPRoute chat: webhook "left.over.io" lets nothing be changed on it'
    world.errors["remove_gateway"] = [
        ApplicationError(refusal, type="WebhookRefused", non_retryable=True)
    ] * 3

    await world.delete()

    assert await world.handle.result() == "deleted"
    (said,) = [words for reason, words in world.events if reason == "WebhookRefused"]
    assert refusal in said
    assert said in [status.get("message") for status in world.statuses]


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_of_one_that_is_gone_the_rest_is_asked_for_until_it_is_taken_back(world: World) -> None:
    await running(world)
    world.errors["remove_gateway"] = taken_back_late(2)

    await world.delete()

    assert await world.handle.result() == "the deployment is gone"
    assert world.calls.count("remove_gateway") == 3
    assert not world.route_there


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_switched_off_it_is_taken_back_though_the_api_was_away(world: World) -> None:
    await running(world)
    world.errors["remove_gateway"] = taken_back_late(2)
    world.gateway_enabled = False

    await world.edit()

    await world.until(lambda: ready(world) == ("False", "StepFailed"))
    await world.until(lambda: ready(world) == ("False", "GatewayDisabled"))
    assert not world.route_there


def _last(calls: list[str], name: str) -> int:
    return len(calls) - 1 - calls[::-1].index(name)


@pytest.mark.world(gateway_served=True)
async def test_a_step_that_fails_holds_nothing_up_and_is_tried_again(world: World) -> None:
    world.errors["read_gateway"] = [ApplicationError("boom", non_retryable=True)] * 3
    await running(world)
    assert world.status["phase"] == "Running"
    assert ready(world) == ("False", "StepFailed")

    await world.until(lambda: ready(world) == ("False", "HTTPRoutePending"))  # by its own timer


@pytest.mark.world(gateway_served=True, gateway_refused=True)
async def test_a_write_that_is_refused_is_told_and_tried_again(world: World) -> None:
    await running(world)
    assert ready(world) == ("False", "HTTPRouteFailed")
    assert world.status["phase"] == "Running"

    world.gateway_refused, world.route_accepted = False, True
    await world.until(lambda: ready(world)[0] == "True")


@pytest.mark.world(gateway_served=True, route_accepted=True)
async def test_paused_nothing_is_done_of_it(world: World) -> None:
    await running(world)
    world.paused = True
    await world.nudge("annotations changed")
    await world.quiet()
    before = steps(world)
    world.route_there = False
    await world.gateway_changed()
    await world.quiet()

    assert steps(world) == before
    world.paused = False
    await world.nudge("annotations changed")
    await world.until(lambda: world.route_there)


STATUS_OF_ANOTHER: dict[str, Any] = {
    "phase": "Running",
    "gateway": {"endpoint": "10.9.9.9", "modelName": "old", "gatewayNamespace": "edge"},
}


@pytest.mark.world(status_before=STATUS_OF_ANOTHER)
async def test_what_another_controller_said_of_kinds_that_are_gone_does_not_stay(world: World) -> None:
    await running(world)

    assert "gateway" not in world.status
    assert ready(world)[0] != "True"
