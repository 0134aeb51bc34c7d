"""What people ask of a deployment: answered or refused, recorded, whichever way it comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.status import Phase
from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY, Asked
from airunway.messages.deployment import PodFinding, StepFailure
from airunway.messages.deployment_workflow import OBJECT_CHANGED
from airunway.messages.words import MAX_WORDS
from tests.workflows.world import World

CRASH = PodFinding(reason="CrashLoopBackOff", message="exit code 1", final=True)


async def running(world: World) -> World:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    return world


async def failed(world: World) -> World:
    world.findings = [CRASH]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    await world.quiet()
    world.findings = []
    return world


async def refusal(world: World, command: str, argument: Any = None) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.handle.execute_update(command, argument if argument is not None else Asked())
    return str(refused.value.cause)


async def test_a_retry_is_answered_recorded_and_told(world: World) -> None:
    await failed(world)

    answer = await world.command(RETRY, reason="node is back")

    assert answer == "trying generation 1 again"
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    assert ("Retry", "retry asked for by alice@laptop: node is back") in world.events
    entry = next(entry for entry in (await world.quiet()).state.journal.entries if entry.what == "Retry")
    assert (entry.by, entry.why) == ("alice@laptop", "node is back")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (RETRY, "nothing failed; phase is Running"),
        (CANCEL_BUILD, "no image is being built"),
        (RESUME, "it is not paused"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_reason(world: World, command: str, words: str) -> None:
    told = (await (await running(world)).quiet()).refusals
    before = (await world.handle.describe()).history_length

    assert words in await refusal(world, command)

    assert words in told[command] and PAUSE not in told, "who asks how it stands knows before"

    assert not [entry for entry in await world.journal() if entry[0] in ("Retry", "CancelBuild", "Resume")]
    assert (await world.handle.describe()).history_length <= before + 3, "a refusal leaves no event"


async def test_an_update_of_another_shape_or_name_is_refused(world: World) -> None:
    await running(world)

    assert "the input is not of the shape" in await refusal(world, PAUSE, "please")
    assert "expected but not found" in await refusal(world, "explode")
    assert (await world.quiet()).step == "all pods are ready"


async def test_a_pause_holds_until_it_is_resumed_and_is_shown(world: World) -> None:
    await running(world)

    await world.command(PAUSE, reason="maintenance")
    await world.until(lambda: any(entry["type"] == "Paused" for entry in world.status["conditions"]))
    view = await world.quiet()
    assert view.step == "paused by alice@laptop"
    assert view.next_reconcile_at is None
    assert world.condition("Paused")["message"] == "paused by alice@laptop: maintenance"
    assert "paused already, by alice@laptop" in await refusal(world, PAUSE)
    assert "goes on before" in await refusal(world, RETRY)
    world.upstream_there = False
    await world.nudge("Server x was deleted", upstream_only=True)
    await world.quiet()
    assert len(world.applied) == 1, "nothing is repaired meanwhile"

    assert await world.command(RESUME) == "going on with generation 1"

    await world.until(lambda: len(world.applied) == 2)
    await world.quiet()
    assert "Paused" not in {entry["type"] for entry in world.status["conditions"]}
    assert {"Pause", "Resume"} <= {reason for reason, _ in world.events}


async def test_a_pause_outlives_a_run_that_was_terminated(world: World) -> None:
    await running(world)
    await world.command(PAUSE, reason="maintenance")
    await world.until(lambda: any(entry["type"] == "Paused" for entry in world.status["conditions"]))
    await world.quiet()
    world.status_before = world.status
    await world.handle.terminate()

    await world.start()
    await world.quiet()

    world.upstream_there = False
    await world.nudge("Server x was deleted")
    assert (await world.quiet()).state.paused_by is not None
    assert len(world.applied) == 1


async def test_each_value_of_the_retry_annotation_acts_once(world: World) -> None:
    await failed(world)
    world.retry = "1"
    await world.nudge("annotations changed")
    await world.until_phase(Phase.DEPLOYING)
    world.findings = [CRASH]
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    rendered = len(world.rendered)

    await world.nudge("something else changed")
    await world.quiet()
    assert len(world.rendered) == rendered

    world.findings, world.retry = [], "2"
    await world.nudge("annotations changed")
    await world.until_phase(Phase.DEPLOYING)
    assert [event for event in world.events if event[0] == "Retry"] == [
        ("Retry", "retry asked for by annotation: 1"),
        ("Retry", "retry asked for by annotation: 2"),
    ]


@pytest.mark.parametrize("payloads", [[], [{"by": "bob"}], [None]])
async def test_the_signal_of_the_same_name_does_the_same(world: World, payloads: list[Any]) -> None:
    await failed(world)

    await world.handle.signal(RETRY, args=payloads)

    await world.until_phase(Phase.DEPLOYING)
    assert "Retry" in [what for what, _ in await world.journal()]


async def test_a_signal_that_is_refused_is_recorded(world: World) -> None:
    await running(world)

    await world.handle.signal(RETRY, Asked(by="bob"))
    await world.quiet()

    assert ("Refused", "retry: nothing failed; phase is Running") in await world.journal()


@pytest.mark.parametrize(
    "name", [RETRY, PAUSE, OBJECT_CHANGED, "internal_image_report", "internal_install_report"]
)
@pytest.mark.parametrize("payload", ["text", 7, [1], {"by": 3, "cause": 3}, b"\x00"])
async def test_a_payload_of_another_shape_is_recorded_and_stops_nothing(
    world: World, name: str, payload: Any
) -> None:
    await running(world)

    await world.handle.signal(name, payload)
    await world.quiet()

    assert "WrongPayload" in [what for what, _ in await world.journal()]
    await world.edit()
    await world.until(lambda: world.upstream_generation == 2)


@pytest.mark.parametrize(
    "payload", [Payload(metadata={"encoding": b"json/plain"}, data=b"no json"), Payload(data=b"x")]
)
async def test_what_cannot_even_be_decoded_is_recorded_without_a_traceback(
    world: World, payload: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    await running(world)

    await world.handle.signal(PAUSE, RawValue(payload))
    await world.quiet()

    assert "Traceback" not in caplog.text
    assert [what for what, _ in await world.journal()][-1] == "WrongPayload"


async def test_a_reason_without_end_is_cut(world: World) -> None:
    await running(world)

    await world.handle.signal(PAUSE, {"by": "b" * 100_000, "reason": "r" * 100_000})
    view = await world.quiet()

    assert view.state.paused_by is not None
    assert (len(view.state.paused_by.by), len(view.state.paused_by.reason)) == (MAX_WORDS, MAX_WORDS)
    assert len(view.state.model_dump_json()) < 50_000


async def test_an_unknown_signal_is_recorded(world: World) -> None:
    await running(world)

    await world.handle.signal("explode", args=["now", {"really": True}])
    await world.quiet()

    assert ("UnknownSignal", "signal 'explode' means nothing to a deployment") in await world.journal()


async def test_a_retry_does_not_wait_for_a_failed_step_that_is_final(world: World) -> None:
    missing = Condition(
        type="ResourceCreated", status=ConditionStatus.FALSE, reason="TransformFailed", message="no"
    )
    world.failure = StepFailure(reason="TransformFailed", message="no such flag", conditions=[missing])
    await world.start()
    await world.until_phase(Phase.FAILED)
    await world.quiet()

    world.failure = None
    await world.command(RETRY)

    await world.until_phase(Phase.DEPLOYING)
