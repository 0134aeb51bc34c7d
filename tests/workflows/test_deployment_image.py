"""A deployment whose model is put into an image first: waiting, going on, letting go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.messages.commands import RETRY
from airunway.messages.deployment_workflow import IMAGE_REPORT
from airunway.messages.model_image import BuildProgress, ModelImagePhase, ModelImageReport
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from tests.workflows.deployment_image_world import OTHER, Both
from tests.workflows.failures import failure
from tests.workflows.image_world import DIGEST


async def test_it_waits_for_its_image_and_is_applied_with_its_digest(both: Both) -> None:
    gate = await both.being_built()
    await both.until_built("ImageBuilding")
    assert both.deployment.status["phase"] == Phase.PENDING
    assert both.deployment.upstream_generation == 0, "nothing is applied without its image"

    gate.set()

    await both.deployment.until_phase(Phase.DEPLOYING)
    built = both.deployment.rendered[-1].built_model_image
    assert built is not None and built.reference.endswith(DIGEST)
    image = both.deployment.status["image"]
    assert image["resolved"] == built.reference
    assert image["digest"] == DIGEST
    assert both.condition()["status"] == "True"
    reasons = [reason for reason, _ in both.deployment.events]
    assert "ImageRequested" in reasons and "ModelImageReady" in reasons


async def test_an_image_that_is_there_already_is_waited_for_by_nobody(both: Both) -> None:
    both.images.at_hand = True

    await both.deployment.start()

    await both.deployment.until_phase(Phase.DEPLOYING)
    built = both.deployment.rendered[-1].built_model_image
    assert built is not None and built.reference.endswith(DIGEST)
    assert both.condition()["status"] == "True"
    assert both.images.calls == ["resolve_model_image"]


async def test_without_a_wanted_image_nothing_is_asked_of_anybody(both: Both) -> None:
    both.deployment.wanted_image = None

    await both.deployment.start()

    await both.deployment.until_phase(Phase.DEPLOYING)
    assert both.images.calls == []
    assert both.condition() == {}


async def test_progress_is_in_the_status(both: Both) -> None:
    gate = await both.being_built()
    observations = both.deployment.observations
    image = both.images.env.client.get_workflow_handle(both.image_id())
    both.images.plan = both.images.joined[0].plan

    await both.images.report_progress("downloading tiny", 340, bytes_per_second=100, seconds_left=6.6)

    words = "building the model image: downloading tiny: 34% (340 B of 1 kB, 100 B/s, 7 s left)"
    await both.until(lambda: both.deployment.status.get("message") == words)
    assert both.condition()["message"] == words
    assert both.deployment.observations == observations, "progress alone decides nothing again"
    assert (await image.query(ModelImageWorkflow.view)).report.phase is ModelImagePhase.BUILDING
    gate.set()


@pytest.mark.parametrize(
    ("step", "kind", "reason"),
    [
        ("resolve_model_image", "FileMissing", "ModelFileNotFound"),
        ("resolve_model_image", "ChoiceError", "ModelFileUnclear"),
        ("build_model_image", "DigestMismatch", "ChecksumMismatch"),
    ],
)
async def test_a_final_failure_stays_until_a_retry(both: Both, step: str, kind: str, reason: str) -> None:
    both.images.errors[step] = [failure(kind, words="as it was said")]
    await both.deployment.start()
    condition = await both.until_built(reason)
    assert condition["message"] == "as it was said"
    assert both.deployment.status["phase"] == Phase.FAILED
    await both.deployment.nudge("something else changed")
    await both.deployment.quiet()
    assert both.deployment.status["phase"] == Phase.FAILED
    calls = list(both.images.calls)
    await both.deployment.quiet()
    assert both.images.calls == calls

    await both.deployment.command(RETRY)

    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_what_cannot_be_found_out_for_now_is_said_and_tried_again(both_skipping: Both) -> None:
    both = both_skipping
    both.images.errors["resolve_model_image"] = [failure("HubUnavailable", final=False, words="503")] * 12
    await both.deployment.start()
    await both.until(lambda: both.images.calls.count("resolve_model_image") > 1)

    await both.deployment.skip(timedelta(minutes=1))
    await both.until(lambda: both.condition().get("reason") == "ModelHubUnavailable")
    assert both.deployment.status["phase"] == Phase.PENDING
    both.images.errors.clear()
    both.images.at_hand = True
    await both.deployment.skip(timedelta(minutes=1))

    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_what_is_in_the_way_of_the_plan_is_said_at_once(both: Both) -> None:
    both.images.errors["resolve_model_image"] = [
        failure("TokenMissing", final=False, words="no Secret hf")
    ] * 3

    await both.deployment.start()

    condition = await both.until_built("ModelTokenMissing")
    assert condition["message"] == "no Secret hf"
    assert len(both.images.calls) == 3


async def test_an_image_that_is_ready_before_joining_has_returned_is_taken(both: Both) -> None:
    both.images.slow_to_answer = True

    await both.deployment.start()

    await both.deployment.until_phase(Phase.DEPLOYING)
    built = both.deployment.rendered[-1].built_model_image
    assert built is not None and built.reference.endswith(DIGEST)


async def test_another_spec_lets_go_of_the_old_image(both: Both) -> None:
    gate = await both.being_built()
    old = both.image_id()

    both.deployment.wanted_image = OTHER
    await both.deployment.edit()

    await both.until(lambda: both.images.cancelled == 1)
    await both.until(lambda: len(both.images.joined) == 2)
    gate.set()
    await both.deployment.until_phase(Phase.DEPLOYING)
    assert both.image_id() != old
    token = both.images.joined[-1].waiter.token
    assert token is not None and token.name == "hf"
    built = both.deployment.rendered[-1].built_model_image
    assert built is not None and built.is_of(OTHER)


async def test_a_user_who_names_an_image_after_all_needs_no_build(both: Both) -> None:
    await both.being_built()

    both.deployment.wanted_image = None
    await both.deployment.edit()

    await both.deployment.until_phase(Phase.DEPLOYING)
    await both.until(lambda: both.images.cancelled == 1)
    assert both.condition() == {}


async def test_a_new_generation_with_the_same_spec_keeps_the_image(both: Both) -> None:
    await both.deployment.start()
    await both.deployment.until_phase(Phase.DEPLOYING)

    await both.deployment.edit()

    await both.deployment.until(lambda: both.deployment.upstream_generation == 2)
    await both.deployment.quiet()
    assert len(both.images.joined) == 1


async def test_a_deleted_deployment_lets_go(both: Both) -> None:
    await both.being_built()

    await both.deployment.delete()

    assert await both.deployment.handle.result() == "the deployment is gone"
    await both.until(lambda: both.images.cancelled == 1)


async def test_a_deployment_of_the_same_name_lets_go_of_the_other_ones_image(both: Both) -> None:
    gate = await both.being_built()
    both.images.plan = both.images.joined[0].plan

    both.deployment.uid, both.deployment.wanted_image = "uid-2", OTHER
    await both.deployment.nudge("deployment seen")
    await both.until(lambda: len(both.images.joined) == 2)
    await both.images.report_progress("downloading tiny", 500)

    await both.until(lambda: both.images.cancelled == 1)
    gate.set()
    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_while_paused_nothing_is_written_and_the_image_is_taken_afterwards(both: Both) -> None:
    gate = await both.being_built()
    await both.until_built("ImageBuilding")
    both.deployment.paused = True
    await both.deployment.nudge("annotations changed")
    await both.deployment.quiet()
    written = len(both.deployment.statuses)

    gate.set()
    handle = both.images.env.client.get_workflow_handle(both.image_id())
    await handle.result()
    await both.deployment.quiet()
    assert len(both.deployment.statuses) == written

    both.deployment.paused = False
    await both.deployment.nudge("annotations changed")
    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_an_image_workflow_that_fell_silent_is_joined_again(both_skipping: Both) -> None:
    both = both_skipping
    both.images.mute = True
    await both.deployment.start()
    await both.until(lambda: len(both.images.joined) == 1)
    await both.deployment.quiet()

    await both.deployment.skip(timedelta(minutes=4))

    await both.deployment.until_phase(Phase.DEPLOYING)
    assert len(both.images.joined) == 2


async def test_an_image_workflow_that_said_it_would_be_quiet_is_left_alone(
    both_skipping: Both,
) -> None:
    both = both_skipping
    both.images.mute = True
    await both.deployment.start()
    await both.until(lambda: len(both.images.joined) == 1)
    report = ModelImageReport(
        identity=both.images.joined[0].plan.identity,
        workflow_id=both.image_id(),
        phase=ModelImagePhase.BUILDING,
        progress=BuildProgress(step="exporting"),
        next_within=timedelta(minutes=10),
    )
    await both.deployment.handle.signal(IMAGE_REPORT, report)
    await both.deployment.quiet()

    await both.deployment.skip(timedelta(minutes=15))
    assert len(both.images.joined) == 1

    await both.deployment.skip(timedelta(minutes=15))
    await both.deployment.until_phase(Phase.DEPLOYING)
    assert len(both.images.joined) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"next_within": "P999999999D"},
        {"next_within": "-PT1H"},
        {"progress": {"step": "exporting", "total_bytes": 1, "done_bytes": 10**400}},
        {"progress": {"step": "exporting", "total_bytes": 1, "done_bytes": 1, "seconds_left": -1}},
    ],
    ids=["forever", "in the past", "bytes without end", "time before now"],
)
async def test_a_report_with_numbers_of_no_use_is_recorded_and_ignored(
    both: Both, changed: dict[str, Any]
) -> None:
    gate = await both.being_built()
    report = {
        "identity": both.images.joined[0].plan.identity,
        "workflow_id": both.image_id(),
        "phase": "building",
        "progress": {"step": "exporting"},
    }

    await both.deployment.handle.signal(IMAGE_REPORT, {**report, **changed})
    await both.deployment.quiet()

    assert "exporting" not in both.condition()["message"]
    assert any(IMAGE_REPORT in message for _, message in await both.deployment.journal())
    gate.set()
    await both.deployment.until_phase(Phase.DEPLOYING)
