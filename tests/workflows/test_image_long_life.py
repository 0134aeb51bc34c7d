"""An image's workflow continues as new while its build goes on, and finds the build again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from airunway.api.names import model_image_build_workflow_id
from airunway.messages.commands import CANCEL_BUILD, Asked
from airunway.messages.model_image import ModelImagePhase, ModelImageWaiter
from airunway.messages.model_image_workflow import BUILD_ENDED, BuildEnd
from airunway.workers.temporal.converter import data_converter
from airunway.workflows.model_image import build_handle, workflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from tests.workflows.conftest import running_images
from tests.workflows.image_listener import some_deployment
from tests.workflows.image_world import ImageWorld
from tests.workflows.waiting import first

MANY, AT_ONCE = 300, 10


@pytest_asyncio.fixture
async def world(development_server: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImageWorld]:
    monkeypatch.setattr(workflow, "MAX_HISTORY_EVENTS", 40)
    monkeypatch.setattr(build_handle, "MIN_SILENCE", build_handle.MIN_SILENCE / 60)
    async with running_images(development_server, is_sandboxed=False) as built:
        yield built


async def run_of(world: ImageWorld) -> str:
    return (await world.image.describe()).run_id or ""


async def in_its_next_run(world: ImageWorld) -> None:
    """More wait than one run can hear of."""
    before = await run_of(world)

    async def find() -> str | None:
        await world.wait_for_image()
        run = await run_of(world)
        return run if run != before else None

    await first(find)


async def build_status(world: ImageWorld) -> WorkflowExecutionStatus | None:
    workflow_id = model_image_build_workflow_id(world.image.id)
    return (await world.env.client.get_workflow_handle(workflow_id).describe()).status


async def terminate_build(world: ImageWorld) -> None:
    workflow_id = model_image_build_workflow_id(world.image.id)
    await world.env.client.get_workflow_handle(workflow_id).terminate(reason="wrong button")


async def test_all_who_wait_get_the_image_of_a_build_that_an_earlier_run_began(world: ImageWorld) -> None:
    _, gate = await world.being_built()
    await in_its_next_run(world)
    await in_its_next_run(world)

    gate.set()

    reports = await asyncio.gather(*(world.outcome(listener) for listener in world.listeners))
    assert {report.phase for report in reports} == {ModelImagePhase.READY}
    assert len({report.image and report.image.reference for report in reports}) == 1
    assert world.calls.count("build_model_image") == 1
    await world.ended()


async def test_a_build_that_an_earlier_run_began_is_cancelled(world: ImageWorld) -> None:
    await world.being_built()
    await in_its_next_run(world)

    await world.image.execute_update(CANCEL_BUILD, Asked(by="alice"))

    reports = await asyncio.gather(*(world.outcome(listener) for listener in world.listeners))
    assert {report.message for report in reports} == {"the image build was cancelled by alice"}
    assert world.cancelled == 1
    assert not world.freed[0].everything
    assert await build_status(world) is WorkflowExecutionStatus.CANCELED
    await world.ended()


async def test_the_last_to_leave_cancels_a_build_that_an_earlier_run_began(world: ImageWorld) -> None:
    await world.being_built()
    await in_its_next_run(world)

    for listener in world.listeners:
        await world.leave(listener)

    await world.until(lambda: world.cancelled == 1 and bool(world.freed))
    await world.ended()


@pytest.mark.parametrize("is_later_run", [False, True])
async def test_a_terminated_build_is_noticed_and_said(world: ImageWorld, is_later_run: bool) -> None:
    listener, _ = await world.being_built()
    if is_later_run:
        await in_its_next_run(world)

    await terminate_build(world)

    report = await world.outcome(listener)
    assert (report.phase, report.reason) == (ModelImagePhase.FAILED, "BuildLost")
    assert "was terminated by" in report.message and "wrong button" in report.message


async def test_who_comes_after_a_terminated_build_has_it_built_again(world: ImageWorld) -> None:
    listener, gate = await world.being_built()
    await terminate_build(world)
    await world.outcome(listener)
    gate.set()

    report = await world.outcome(await world.wait_for_image())

    assert report.phase is ModelImagePhase.READY
    assert len(world.builds) == 2


async def test_a_build_whose_workflow_is_cancelled_by_hand_is_cancelled_for_all(world: ImageWorld) -> None:
    listener, _ = await world.being_built()
    workflow_id = model_image_build_workflow_id(world.image.id)

    await world.env.client.get_workflow_handle(workflow_id).cancel()

    report = await world.outcome(listener)
    assert report.phase is ModelImagePhase.CANCELLED
    assert report.message == f"the image build was cancelled by a request to cancel workflow {workflow_id}"


@pytest.mark.parametrize("is_later_run", [False, True])
async def test_who_says_falsely_that_a_build_has_ended_changes_nothing(
    world: ImageWorld, is_later_run: bool
) -> None:
    listener, gate = await world.being_built()
    if is_later_run:
        await in_its_next_run(world)
    world.reads.clear()

    await world.image.signal(BUILD_ENDED, {"image": "evil.example.com/x"})
    await world.until(lambda: BuildEnd.RUNNING in world.reads)

    assert (await world.view()).report.phase is ModelImagePhase.BUILDING
    gate.set()
    report = await world.outcome(listener)
    assert report.phase is ModelImagePhase.READY
    assert report.image is not None and "evil" not in report.image.reference
    assert len(world.builds) == 1


async def test_a_build_outlives_a_terminated_image_and_is_taken_on_by_the_next(world: ImageWorld) -> None:
    _, gate = await world.being_built()
    await world.image.terminate()

    listener = await world.wait_for_image()
    await world.until_reported(listener, lambda report: report.phase is ModelImagePhase.WAITING)
    gate.set()

    assert (await world.outcome(listener)).phase is ModelImagePhase.READY
    assert len(world.builds) == 1


async def test_however_many_join_no_run_is_too_long_to_be_replayed(
    world: ImageWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "MAX_HISTORY_EVENTS", 100)
    _, gate = await world.being_built()
    for number in range(0, MANY, AT_ONCE):  # more, and the server says that the workflow is busy
        gone = [some_deployment(f"gone-{number + each}") for each in range(AT_ONCE)]
        await asyncio.gather(*(world.join(ModelImageWaiter(ref=ref)) for ref in gone))
        if number % 100 == 0:
            await world.wait_for_image()

    gate.set()
    await world.ended()

    reports = await asyncio.gather(*(world.outcome(listener) for listener in world.listeners))
    assert [report.phase for report in reports] == [ModelImagePhase.READY] * 4
    assert len(world.builds) == 1
    runs = await histories(world)
    assert len(runs) > 3
    assert max(len(run.events) for run in runs) < 600, "a run ends once who is being notified is"
    replayer = Replayer(
        workflows=[ModelImageWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=data_converter(),
    )
    for run in runs:
        await replayer.replay_workflow(run)


async def histories(world: ImageWorld) -> list[WorkflowHistory]:
    """Of all runs of the image, the last of which has ended."""
    last, found = await run_of(world), list[WorkflowHistory]()
    while last:
        history = await world.env.client.get_workflow_handle(world.image.id, run_id=last).fetch_history()
        found.append(history)
        last = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return found
