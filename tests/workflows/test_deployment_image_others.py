"""Who stops the build of a deployment's image is told whether others still wait for it."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from airunway.messages.commands import CANCEL_BUILD
from airunway.messages.image_others import READ_IMAGE_WAITERS, others_in
from airunway.messages.model_image import BuildProgress, ModelImagePhase, ModelImageReport, ModelImageWaiter
from airunway.messages.model_image_workflow import ModelImageView
from airunway.messages.refs import DeploymentRef
from tests.workflows.deployment_image_world import Both

CHAT = DeploymentRef(cluster="here", namespace="ml", name="chat")
ITSELF, SEARCH = CHAT.workflow_id, "modeldeployment/here/ml/search"
FOREIGN = "modeldeployment/here/bank/secret-plan"
MANY = [f"modeldeployment/here/ml/many-{number}" for number in range(5)]


async def be_there(both: Both, ref: DeploymentRef) -> None:
    """A workflow that may be reported to, whatever it makes of it."""
    client = both.images.env.client
    both.images.listeners.append(
        await client.start_workflow("Listener", id=ref.workflow_id, task_queue="nobody's")
    )


@pytest.mark.parametrize(
    ("phase", "waiting", "words"),
    [
        (ModelImagePhase.BUILDING, [ITSELF], "building stopped; nobody else waits for this image"),
        (ModelImagePhase.CANCELLED, [], "building stopped; nobody else waits for this image"),
        (
            ModelImagePhase.BUILDING,
            [SEARCH],
            "you left; 1 other still waits for this image, so it goes on being built (search)",
        ),
        (
            ModelImagePhase.WAITING,
            [FOREIGN, ITSELF],
            "you left; 1 other still waits for this image, so it goes on being built",
        ),
        (
            ModelImagePhase.BUILDING,
            [FOREIGN, SEARCH],
            "you left; 2 others still wait for this image, so it goes on being built (search and more)",
        ),
        (
            ModelImagePhase.BUILDING,
            MANY,
            "you left; 5 others still wait for this image, so it goes on being built"
            " (many-0, many-1, many-2 and more)",
        ),
        (ModelImagePhase.READY, [], ""),
        (ModelImagePhase.FAILED, [SEARCH], ""),
        (ModelImagePhase.CANCELLED, [SEARCH], ""),
    ],
    ids=[
        "itself does not count, though it has not left yet",
        "the last one has left",
        "one of its own namespace is named",
        "one of another namespace is counted only",
        "both",
        "the first few are named",
        "it is done: leaving stopped nothing",
        "it failed: the others wait for nothing",
        "somebody cancelled it for all",
    ],
)
def test_others_are_counted_and_named_within_the_own_namespace_only(
    phase: ModelImagePhase, waiting: list[str], words: str
) -> None:
    report = ModelImageReport(
        identity="x", workflow_id="image/here/x", phase=phase, progress=BuildProgress(step="x")
    )

    answer = others_in(ModelImageView(report=report, waiting=waiting), CHAT)

    assert answer.words == words
    assert "secret-plan" not in answer.model_dump_json(), "not even in the history"


async def test_the_last_one_to_leave_hears_that_nobody_else_waits(both: Both) -> None:
    gate = await both.being_built()

    answer = await both.deployment.command(CANCEL_BUILD)

    assert answer == "building stopped; nobody else waits for this image"
    await both.until(lambda: both.images.cancelled == 1)
    gate.set()


async def test_who_leaves_others_waiting_hears_how_many_and_the_build_goes_on(both: Both) -> None:
    gate = await both.being_built()
    both.images.plan = both.images.joined[0].plan
    beside = both.deployment.ref.model_copy(update={"name": "search"})
    for ref in (beside, beside.model_copy(update={"namespace": "bank", "name": "secret-plan"})):
        await be_there(both, ref)
        await both.images.join(ModelImageWaiter(ref=ref))

    answer = await both.deployment.command(CANCEL_BUILD)

    assert answer == (
        "you left; 2 others still wait for this image, so it goes on being built (search and more)"
    )
    await both.until_built("BuildCancelled")
    assert (await both.images.view()).waiting == [beside.workflow_id, "modeldeployment/here/bank/secret-plan"]
    assert both.images.building == 1
    gate.set()


async def test_nothing_is_said_of_others_when_that_cannot_be_found_out(both: Both) -> None:
    gate = await both.being_built()
    both.images.errors[READ_IMAGE_WAITERS.name] = [ApplicationError("the query timed out", type="RPCError")]

    answer = await both.deployment.command(CANCEL_BUILD)

    assert answer == "not waiting for the image any more; its build ends unless others wait for it"
    assert both.images.calls.count(READ_IMAGE_WAITERS.name) > 1, "it was tried again"
    await both.until(lambda: both.images.cancelled == 1)
    gate.set()


async def test_a_run_gives_its_answer_before_the_next_begins(both: Both) -> None:
    both.deployment.limits.history_events = 1  # it continues as new after every reconcile
    gate = await both.being_built()
    both.images.errors[READ_IMAGE_WAITERS.name] = [ApplicationError("the query timed out", type="RPCError")]

    run_id = (await both.deployment.handle.describe()).run_id
    asking = asyncio.create_task(both.deployment.command(CANCEL_BUILD))
    await both.until(lambda: READ_IMAGE_WAITERS.name in both.images.calls)
    await both.deployment.nudge("something else changed")  # while it is tried again
    answer = await asking

    assert answer == "not waiting for the image any more; its build ends unless others wait for it"
    await both.until_built("BuildCancelled")
    run = both.images.env.client.get_workflow_handle(both.deployment.handle.id, run_id=run_id)
    events = (await run.fetch_history()).events
    assert not any(event.HasField("workflow_task_failed_event_attributes") for event in events)
    gate.set()
