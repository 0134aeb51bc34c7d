"""A deployment whose image build a person cancels, by signal or annotation, and wants again."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError

from airunway.api.status import Phase
from airunway.messages.commands import CANCEL_BUILD, RETRY
from tests.workflows.deployment_image_world import OTHER, Both


async def test_a_cancelled_build_stays_cancelled_until_a_retry(both: Both) -> None:
    gate = await both.being_built()

    await both.deployment.command(CANCEL_BUILD)

    condition = await both.until_built("BuildCancelled")
    await both.until(lambda: both.images.cancelled == 1 and bool(both.images.freed))
    assert both.deployment.status["phase"] == Phase.FAILED
    assert (await both.deployment.quiet()).step == condition["message"], "not where the build was"
    await both.deployment.nudge("something else changed")
    await both.deployment.quiet()
    assert len(both.images.joined) == 1
    gate.set()
    await both.deployment.command(RETRY)
    await both.deployment.until_phase(Phase.DEPLOYING)
    assert len(both.images.resolved) == 1, "the commit that was resolved once stands"


async def test_a_build_is_cancelled_though_nothing_else_goes_on(both: Both) -> None:
    gate = await both.being_built()
    both.deployment.paused = True
    await both.deployment.nudge("annotations changed")
    await both.deployment.quiet()

    await both.deployment.command(CANCEL_BUILD)

    await both.until(lambda: both.images.cancelled == 1)
    both.deployment.paused, both.deployment.provider_ready = False, False
    await both.deployment.nudge("annotations changed")
    await both.deployment.quiet()
    both.deployment.provider_ready = True
    await both.deployment.nudge("the provider is back")
    await both.until_built("BuildCancelled")
    assert len(both.images.joined) == 1
    gate.set()


async def test_a_retry_ends_the_backoff_of_a_build_in_trouble_and_disturbs_no_other(
    both: Both,
) -> None:
    gate = await both.being_built()
    both.images.plan = both.images.joined[0].plan
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await both.deployment.command(RETRY)
    assert "nothing failed" in str(refused.value.cause)
    await both.deployment.quiet()
    assert len(both.images.builds) == 1
    await both.images.report_progress("waiting to try again", 0, trouble="the hub is away")
    await both.until(lambda: "the hub is away" in both.deployment.status.get("message", ""))

    await both.deployment.command(RETRY)

    await both.until(lambda: len(both.images.builds) == 2)
    gate.set()
    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_what_a_person_asks_for_outlives_the_run_of_the_workflow(both: Both) -> None:
    both.deployment.limits.history_events = 1  # it continues as new after every wait
    gate = await both.being_built()

    await both.deployment.command(CANCEL_BUILD)

    await both.until_built("BuildCancelled")
    await both.until(lambda: both.images.cancelled == 1)
    gate.set()
    await both.deployment.command(RETRY)
    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_each_value_of_the_annotation_stops_one_build(both: Both) -> None:
    gate = await both.being_built()

    both.deployment.cancel_build = "1"
    await both.deployment.nudge("annotations changed")
    await both.until_built("BuildCancelled")
    await both.deployment.quiet()
    assert ("CancelBuild", "cancellation of the build asked for by annotation: 1") in both.deployment.events

    await both.deployment.command(RETRY)
    await both.until(lambda: both.condition().get("reason") == "ImageBuilding")
    await both.deployment.nudge("something else changed")
    await both.deployment.quiet()
    assert both.condition()["reason"] == "ImageBuilding", "the same value does not stop the next build"

    both.deployment.cancel_build = "2"
    await both.deployment.nudge("annotations changed")
    await both.until_built("BuildCancelled")
    gate.set()


async def test_a_change_of_the_spec_is_a_reason_to_build_after_a_cancellation(both: Both) -> None:
    gate = await both.being_built()
    await both.deployment.command(CANCEL_BUILD)
    await both.until_built("BuildCancelled")
    gate.set()

    await both.deployment.edit()

    await both.deployment.until_phase(Phase.DEPLOYING)


async def test_a_retry_brings_back_an_image_that_the_registry_lost(both: Both) -> None:
    await both.deployment.start()
    await both.deployment.until_phase(Phase.DEPLOYING)
    await both.until(lambda: len(both.images.builds) == 1)
    await both.deployment.quiet()
    both.images.in_registry.clear()
    await both.deployment.upstream(Phase.FAILED, "the node could not pull the image")
    await both.deployment.until_phase(Phase.FAILED)

    await both.deployment.command(RETRY)

    await both.until(lambda: len(both.images.builds) == 2)
    await both.until(lambda: both.condition().get("status") == "True")


async def test_what_serves_goes_on_while_the_next_image_is_built(both: Both) -> None:
    await both.deployment.start()
    await both.deployment.until_phase(Phase.DEPLOYING)
    await both.deployment.upstream(Phase.RUNNING)
    await both.deployment.until_phase(Phase.RUNNING)
    both.hold()

    both.deployment.wanted_image = OTHER
    await both.deployment.edit()
    await both.until_building()
    await both.until_built("ImageBuilding")

    assert both.deployment.status["phase"] == Phase.RUNNING
    await both.deployment.command(CANCEL_BUILD)
    await both.until_built("BuildCancelled")
    await both.deployment.quiet()
    assert both.deployment.status["phase"] == Phase.RUNNING
    assert len(both.images.builds) == 2, "a cancelled build does not begin again by itself"
