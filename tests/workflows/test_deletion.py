"""Deletion: upstream objects first, then the finalizer; after the time limit in any case."""

from __future__ import annotations

from datetime import timedelta

from airunway.api.status import Phase
from tests.workflows.world import World

FINALIZER = "airunway.ai/acme-provider"


async def test_the_finalizer_goes_when_the_upstream_objects_are_gone(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.finalizers, world.remaining = [FINALIZER], ["Server x"]

    await world.delete()
    await world.until_phase(Phase.TERMINATING)
    view = await world.quiet()
    assert view.step == "waiting until gone: Server x"
    assert world.finalizers == [FINALIZER]

    world.remaining = []
    await world.nudge("Server x was deleted", upstream_only=True)

    assert await world.handle.result() == "deleted"
    assert world.finalizers == []
    assert not [reason for reason, _ in world.events if reason == "FinalizerTimeout"]


async def test_objects_that_stay_are_left_behind_with_a_warning(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.finalizers, world.remaining = [FINALIZER], ["Server x"]
    await world.delete()
    await world.until(lambda: world.released > 0)

    await world.skip(timedelta(minutes=6))

    assert await world.handle.result() == "deleted"
    reason, message = world.events[-1]
    assert reason == "FinalizerTimeout"
    assert f"Server {world.ref.name}" in message


async def test_a_provider_whose_worker_is_away_cannot_hold_a_deletion_for_ever(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    world.served_locally, world.finalizers = False, [FINALIZER]
    world.errors["release_upstream"] = [RuntimeError("away") for _ in range(1000)]

    await world.delete()

    assert await world.handle.result() == "deleted"
    assert world.events[-1][0] == "FinalizerTimeout"


async def test_a_deployment_that_no_provider_took_ends_at_once(world: World) -> None:
    world.provider_ready = False
    await world.start()
    await world.until(lambda: bool(world.statuses))

    world.exists = False
    await world.nudge("gone")

    assert await world.handle.result() == "the deployment is gone"
    assert world.released == 0


async def test_a_deletion_is_left_when_somebody_else_let_the_deployment_go(world: World) -> None:
    """The provider's worker is away; a person takes the finalizer off and deploys again under the name."""
    world.finalizers = [FINALIZER]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.errors["release_upstream"] = [RuntimeError("away") for _ in range(1000)]
    await world.delete()
    await world.until_phase(Phase.TERMINATING)

    await world.recreate("uid-2")

    await world.until_phase(Phase.DEPLOYING)
    assert world.finalizers_removed == 0


async def test_the_finalizer_of_a_controller_outside_is_left_to_it(world: World) -> None:
    world.task_queue, world.finalizers = "", [FINALIZER]
    await world.start()
    await world.until(lambda: bool(world.statuses))

    await world.delete()
    await world.quiet()
    await world.skip(timedelta(minutes=10))
    view = await world.quiet()

    assert (world.released, world.finalizers) == (0, [FINALIZER])
    assert view.step == "the controller of provider acme deletes its objects"


async def test_a_deletion_seen_first_keeps_what_the_status_says(world: World) -> None:
    """Temporal's data were lost, and the deployment is already being deleted."""
    world.finalizers, world.remaining = [FINALIZER], ["Server x"]
    world.status_before = {
        "phase": "Running",
        "observedGeneration": 3,
        "provider": {"name": "acme", "resourceName": "x"},
    }
    world.deleted_at = await world.env.get_current_time()

    await world.start()

    status = await world.until_phase(Phase.TERMINATING)
    assert status["observedGeneration"] == 3
    assert status["provider"] == {"name": "acme", "resourceName": "x"}


async def test_what_is_deleted_says_nothing_of_serving(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.finalizers, world.remaining = [FINALIZER], ["Server x"]

    await world.delete()
    status = await world.until_phase(Phase.TERMINATING)

    assert "all pods are ready" not in str(status)
    assert world.condition("Ready")["status"] == "False"


async def test_what_is_being_deleted_is_counted_no_more(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    assert world.status["readiness"] == "1/1"
    world.finalizers, world.remaining = [FINALIZER], ["Server x"]

    await world.delete()
    await world.until_phase(Phase.TERMINATING)

    assert not {"readiness", "replicas", "selector"} & world.status.keys()


async def test_a_webhook_in_the_way_is_named_and_when_it_is_gone_the_deployment_goes(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.finalizers, world.webhook_refusal = [FINALIZER], 'webhook "left.over.io" lets nothing be changed'

    await world.delete()
    await world.until(lambda: "left.over.io" in world.status.get("message", ""))

    assert ("WebhookRefused", world.status["message"]) in world.events
    world.webhook_refusal = ""
    assert await world.handle.result() == "deleted"
    assert [reason for reason, _ in world.events].count("WebhookRefused") == 1


async def test_a_webhook_that_holds_an_upstream_object_is_named_for_as_long_as_it_does(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.finalizers, world.remaining = (
        [FINALIZER],
        ['Server x (webhook "left.over.io" lets nothing be changed)'],
    )

    await world.delete()
    await world.until(lambda: "left.over.io" in world.status.get("message", ""))

    assert world.status["phase"] == "Terminating"
    assert ("WebhookRefused", world.status["message"]) in world.events
    world.remaining = ["Server x"]
    await world.nudge("Server x was deleted", upstream_only=True)
    await world.until(lambda: "left.over.io" not in world.status["message"])
    world.remaining = []
    await world.nudge("Server x was deleted", upstream_only=True)
    assert await world.handle.result() == "deleted"
    assert [reason for reason, _ in world.events].count("WebhookRefused") == 1
