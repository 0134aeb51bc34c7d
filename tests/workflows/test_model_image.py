"""One image, one build, however many wait; and what becomes of it when they leave or it fails."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from airunway.api.model_image import ModelImageRef
from airunway.messages.model_image import ModelImagePhase, ModelImageWaiter, TokenRef
from airunway.messages.model_image_workflow import LEAVE_IMAGE
from tests.workflows.failures import failure
from tests.workflows.image_listener import named, reports_of, some_deployment
from tests.workflows.image_world import DIGEST, ImageWorld


@pytest.fixture
def world(images: ImageWorld) -> ImageWorld:
    return images


def hold(world: ImageWorld) -> asyncio.Event:
    world.gate = asyncio.Event()
    return world.gate


async def test_an_image_is_built_verified_and_handed_out_by_digest(world: ImageWorld) -> None:
    listener = await world.wait_for_image()

    report = await world.outcome(listener)

    assert report.phase is ModelImagePhase.READY
    name = f"localhost:30500/{world.plan.name}"
    assert report.image == ModelImageRef(reference=f"{name}@{DIGEST}", tagged=f"{name}:{world.plan.tag}")
    assert not report.was_there
    assert world.calls == [
        "find_model_image",
        "ensure_registry",
        "ensure_builder",
        "build_model_image",
        "publish_model_image",
    ]
    await world.ended()


async def test_an_image_that_is_there_is_not_built_again(world: ImageWorld) -> None:
    world.in_registry.add(world.plan.identity)

    report = await world.outcome(await world.wait_for_image())

    assert report.was_there
    assert world.calls == ["find_model_image"]


async def test_a_registry_that_was_only_away_is_asked_once_more_before_anything_is_built(
    world: ImageWorld,
) -> None:
    world.in_registry.add(world.plan.identity)
    world.registry_is_away = True

    report = await world.outcome(await world.wait_for_image())

    assert report.was_there
    assert world.calls == ["find_model_image", "ensure_registry", "find_model_image"]


async def test_many_at_once_share_one_build(world: ImageWorld) -> None:
    gate = hold(world)
    listeners = [await world.wait_for_image() for _ in range(5)]
    await world.until(lambda: world.building == 1)

    gate.set()

    reports = [await world.outcome(listener) for listener in listeners]
    assert {report.image for report in reports} == {reports[0].image}
    assert len(world.builds) == 1


async def test_joining_twice_is_joining_once(world: ImageWorld) -> None:
    gate = hold(world)
    listener = await world.wait_for_image()
    await world.join(ModelImageWaiter(ref=named(listener)))
    await world.until(lambda: world.building == 1)

    assert (await world.view()).waiting == [listener.id]
    await world.leave(listener)
    await world.until(lambda: world.cancelled == 1)
    gate.set()


async def test_the_build_goes_on_while_somebody_waits_and_ends_with_the_last(world: ImageWorld) -> None:
    hold(world)
    first, second = await world.wait_for_image(), await world.wait_for_image()
    await world.until(lambda: world.building == 1)

    await world.leave(first)
    assert (await world.view()).waiting == [second.id]
    assert world.cancelled == 0

    await world.leave(second)
    await world.until(lambda: world.cancelled == 1 and bool(world.freed))
    await world.ended()
    assert "publish_model_image" not in world.calls
    assert not world.freed[0].everything


async def test_a_person_cancels_it_for_everybody(world: ImageWorld) -> None:
    hold(world)
    listeners = [await world.wait_for_image(), await world.wait_for_image()]
    await world.until(lambda: world.building == 1)

    await world.image.signal("cancel_build")

    for listener in listeners:
        report = await world.outcome(listener)
        assert (report.phase, report.reason) == (ModelImagePhase.CANCELLED, "BuildCancelled")
    assert world.cancelled == 1
    await world.ended()


async def test_who_comes_after_a_cancellation_starts_again(world: ImageWorld) -> None:
    listener, gate = await world.being_built()
    await world.image.signal("cancel_build")
    await world.outcome(listener)
    gate.set()

    report = await world.outcome(await world.wait_for_image())

    assert report.phase is ModelImagePhase.READY
    assert len(world.builds) == 2


@pytest.mark.parametrize(
    ("step", "kind", "reason"),
    [
        ("build_model_image", "DigestMismatch", "ChecksumMismatch"),
        ("build_model_image", "SourceRefused", "ModelAccessDenied"),
        ("build_model_image", "PushRefused", "RegistryDenied"),
        ("publish_model_image", "ImageNotVerified", "ImageNotVerified"),
        ("ensure_registry", "Forbidden", "ClusterForbids"),
        ("build_model_image", "SomethingNew", "BuildFailed"),
    ],
)
async def test_a_final_failure_is_reported_with_its_reason(
    world: ImageWorld, step: str, kind: str, reason: str
) -> None:
    world.errors[step] = [failure(kind, words="as the client said")]

    report = await world.outcome(await world.wait_for_image())

    assert (report.phase, report.reason, report.message) == (
        ModelImagePhase.FAILED,
        reason,
        "as the client said",
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await world.image.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == reason


async def test_what_passes_is_tried_again(world: ImageWorld) -> None:
    world.errors["ensure_registry"] = [failure("RegistryNotReady", final=False)]
    world.errors["build_model_image"] = [failure("BuildInterrupted", final=False)]

    report = await world.outcome(await world.wait_for_image())

    assert report.phase is ModelImagePhase.READY
    assert world.calls.count("ensure_registry") == 2
    assert world.calls.count("build_model_image") == 2


async def test_a_build_whose_answer_was_lost_is_built_again_from_the_cache(world: ImageWorld) -> None:
    world.after_push = [failure("WorkerGone", final=False)]

    report = await world.outcome(await world.wait_for_image())

    assert report.phase is ModelImagePhase.READY
    assert len(world.builds) == 2
    assert world.calls.count("publish_model_image") == 1


async def test_a_full_builder_is_emptied_once(world: ImageWorld) -> None:
    world.errors["build_model_image"] = [failure("NoSpace")]
    world.freed_bytes = 1000

    report = await world.outcome(await world.wait_for_image())

    assert report.phase is ModelImagePhase.READY
    assert [request.everything for request in world.freed] == [True]


async def test_a_builder_that_stays_full_is_said(world: ImageWorld) -> None:
    world.errors["build_model_image"] = [failure("NoSpace", words="the disk is full")]

    report = await world.outcome(await world.wait_for_image())

    assert (report.reason, report.message) == ("NoSpace", "the disk is full")
    assert len(world.builds) == 0


async def test_progress_is_reported_when_a_step_is_new_and_else_now_and_then(world: ImageWorld) -> None:
    listener, gate = await world.being_built()

    await world.report_progress("downloading tiny", 100)
    await world.until_reported(listener, lambda report: report.progress.step == "downloading tiny")
    for done in range(200, 900, 100):
        await world.report_progress("downloading tiny", done)

    assert (await world.view()).report.progress.done_bytes == 800
    gate.set()
    await world.outcome(listener)
    steps = [report.progress.step for report in await reports_of(listener)]
    assert steps.count("downloading tiny") == 1


async def test_what_is_in_the_way_of_a_step_is_reported_while_it_is_tried_again(world: ImageWorld) -> None:
    listener, gate = await world.being_built()

    await world.report_progress("waiting to try again", 0, trouble="the hub is away")

    await world.until_reported(listener, lambda report: report.progress.trouble == "the hub is away")
    gate.set()
    await world.outcome(listener)


async def test_a_retry_does_not_wait_for_the_backoff(world: ImageWorld) -> None:
    listener, _ = await world.being_built()

    await world.image.signal("retry")

    await world.until(lambda: len(world.builds) == 2)
    assert world.gate is not None
    world.gate.set()
    assert (await world.outcome(listener)).phase is ModelImagePhase.READY


async def test_a_deployment_that_is_gone_does_not_keep_a_build_alive(world: ImageWorld) -> None:
    listener, _ = await world.being_built()
    await world.view()
    await listener.terminate()

    await world.report_progress("exporting", 1000)  # is reported, to nobody

    await world.until(lambda: world.cancelled == 1)
    await world.ended()


async def test_the_tokens_of_all_who_wait_are_named_and_none_is_held(world: ImageWorld) -> None:
    gate = hold(world)
    token = TokenRef(namespace="ml", name="hf-token-secret")
    listener = await world.wait_for_image(token=token)
    await world.until(lambda: world.building == 1)
    gate.set()
    await world.outcome(listener)

    assert [waiter.token for waiter in world.builds[0].waiters] == [token]


async def test_who_still_waits_has_its_token_used_when_a_build_is_in_trouble(world: ImageWorld) -> None:
    gate = hold(world)
    gone, stays = (TokenRef(namespace=name, name="hf") for name in ("gone", "stays"))
    first = await world.wait_for_image(token=gone)
    await world.until(lambda: world.building == 1)
    second = await world.wait_for_image(token=stays)
    await world.leave(first)
    assert world.cancelled == 0, "a build that goes well is not disturbed"

    await world.report_progress("waiting to try again", 0, trouble="Secret gone/hf does not exist")

    await world.until(lambda: len(world.builds) == 2)
    assert [waiter.token for waiter in world.builds[-1].waiters] == [stays]
    await world.report_progress("waiting to try again", 0, trouble="another trouble")
    await world.view()
    assert len(world.builds) == 2
    gate.set()
    assert (await world.outcome(second)).phase is ModelImagePhase.READY


async def test_who_has_left_before_anything_began_costs_nothing(env: WorkflowEnvironment) -> None:
    world = ImageWorld(env)
    somebody = some_deployment("somebody")
    await world.join(ModelImageWaiter(ref=somebody))
    await world.image.signal(LEAVE_IMAGE, somebody.workflow_id)

    async with world.core_worker():
        await world.ended()

    assert world.calls == []
