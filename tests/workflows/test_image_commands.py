"""What people and strangers may send to the workflow of an image."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError

from airunway.messages.commands import CANCEL_BUILD, RETRY, Asked, CommandAnswer
from airunway.messages.model_image import ModelImagePhase
from airunway.messages.model_image_workflow import IMAGE_PROGRESS, IMAGE_STEP, JOIN_IMAGE, LEAVE_IMAGE
from tests.workflows.image_world import ImageWorld
from tests.workflows.strangers import OF_ANOTHER_SHAPE

SIGNALS = [JOIN_IMAGE, LEAVE_IMAGE, IMAGE_PROGRESS, IMAGE_STEP, CANCEL_BUILD, RETRY]
ALICE = Asked(by="alice@laptop", reason="wrong file")


@pytest.fixture
def world(images: ImageWorld) -> ImageWorld:
    return images


async def details(world: ImageWorld) -> str:
    return str(await world.image.query("__temporal_workflow_metadata"))


async def test_a_build_is_cancelled_with_an_answer_and_who_waits_reads_by_whom(world: ImageWorld) -> None:
    listener, _ = await world.being_built()

    answer = await world.image.execute_update(CANCEL_BUILD, ALICE, result_type=CommandAnswer)

    assert answer.message == "building stopped; 1 waited for the image"
    report = await world.outcome(listener)
    assert report.phase is ModelImagePhase.CANCELLED
    assert report.message == "the image build was cancelled by alice@laptop: wrong file"
    await world.ended()


async def test_a_request_to_cancel_the_workflow_means_the_same(
    world: ImageWorld,
) -> None:
    listener, _ = await world.being_built()

    await world.image.cancel()

    assert (await world.outcome(listener)).phase is ModelImagePhase.CANCELLED
    assert world.cancelled == 1
    await world.ended()


async def test_another_attempt_is_begun_with_an_answer(world: ImageWorld) -> None:
    listener, gate = await world.being_built()

    answer = await world.image.execute_update(RETRY, ALICE, result_type=CommandAnswer)

    assert answer.message.startswith("beginning again: ")
    await world.until(lambda: len(world.builds) == 2)
    gate.set()
    assert (await world.outcome(listener)).phase is ModelImagePhase.READY


@pytest.mark.parametrize("command", [CANCEL_BUILD, RETRY])
async def test_what_is_over_is_refused(world: ImageWorld, command: str) -> None:
    listener, gate = await world.being_built()
    await world.image.execute_update(CANCEL_BUILD, ALICE)
    gate.set()

    with pytest.raises((WorkflowUpdateFailedError, RPCError)) as refused:
        await world.image.execute_update(command, ALICE)

    if isinstance(refused.value, WorkflowUpdateFailedError):  # else the workflow has ended already
        assert "cancelled" in str(refused.value.cause)
    await world.outcome(listener)


@pytest.mark.parametrize("command", [CANCEL_BUILD, RETRY])
async def test_a_command_of_another_shape_is_refused_and_changes_nothing(
    world: ImageWorld, command: str
) -> None:
    listener, gate = await world.being_built()

    for given in OF_ANOTHER_SHAPE:
        with pytest.raises(WorkflowUpdateFailedError):
            await world.image.execute_update(command, given)
    gate.set()

    assert (await world.outcome(listener)).phase is ModelImagePhase.READY
    assert len(world.builds) == 1


@pytest.mark.parametrize("signal", [*SIGNALS, "colour"])
@pytest.mark.parametrize("payloads", [["text"], [7], [["a"]], [{"by": 7, "step": 7}], ["a", {}, None]])
async def test_what_makes_no_sense_is_noted_and_changes_nothing(
    world: ImageWorld, signal: str, payloads: list[Any]
) -> None:
    listener, gate = await world.being_built()

    await world.image.signal(signal, args=payloads)
    shown = await details(world)
    gate.set()

    assert (await world.outcome(listener)).phase is ModelImagePhase.READY
    assert len(world.builds) == 1
    # A text is what `leave` takes: somebody who did not wait has left.
    assert "ignored" in shown or (signal == LEAVE_IMAGE and isinstance(payloads[0], str))


@pytest.mark.parametrize("signal", SIGNALS)
async def test_what_cannot_even_be_decoded_is_noted_without_a_traceback(
    world: ImageWorld, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    listener, gate = await world.being_built()

    await world.image.signal(signal, RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"no json")))
    shown = await details(world)
    gate.set()

    assert (await world.outcome(listener)).phase is ModelImagePhase.READY
    assert f"signal {signal} ignored" in shown
    assert "Traceback" not in caplog.text


async def test_a_command_needs_no_input(world: ImageWorld) -> None:
    listener, gate = await world.being_built()

    answer = await world.image.execute_update(CANCEL_BUILD, result_type=CommandAnswer)

    assert answer.message == "building stopped; 1 waited for the image"
    gate.set()
    assert (await world.outcome(listener)).phase is ModelImagePhase.CANCELLED
