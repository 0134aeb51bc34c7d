"""An image's workflow keeps so many who wait, and no more: the others ask now and then, and lose nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from airunway.api.status import Phase
from airunway.messages.model_image import ModelImagePhase, ModelImageWaiter
from airunway.workflows import waiters
from airunway.workflows.model_image.reporting import MIN_ASKED_AGAIN
from tests.workflows.conftest import running_images
from tests.workflows.deployment_image_world import Both
from tests.workflows.failures import failure
from tests.workflows.image_listener import named
from tests.workflows.image_world import ImageWorld


@pytest_asyncio.fixture
async def world(development_server: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImageWorld]:
    monkeypatch.setattr(waiters, "MAX_WAITERS", 1)
    async with running_images(development_server, is_sandboxed=False) as built:
        yield built


@pytest.fixture
def none_has_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiters, "MAX_WAITERS", 0)


async def test_who_has_no_place_is_told_so_and_when_to_ask_again(world: ImageWorld) -> None:
    await world.being_built()

    late = await world.wait_for_image()

    await world.until_reported(late, lambda report: "too many wait" in report.progress.step)
    await world.until_reported(late, lambda report: report.next_within == MIN_ASKED_AGAIN)
    assert late.id not in (await world.view()).waiting


async def test_a_build_goes_on_for_those_who_have_no_place(world: ImageWorld) -> None:
    first, gate = await world.being_built()
    late = await world.wait_for_image()
    await world.until_reported(late, lambda report: True)

    await world.leave(first)
    await world.join(ModelImageWaiter(ref=named(late), waits_already=True))
    gate.set()

    assert (await world.outcome(late)).phase is ModelImagePhase.READY
    assert (len(world.builds), world.cancelled) == (1, 0)
    await world.ended()


async def test_who_asks_when_it_is_over_has_the_image_of_the_same_build(world: ImageWorld) -> None:
    _, gate = await world.being_built()
    late = await world.wait_for_image()
    await world.until_reported(late, lambda report: True)
    gate.set()
    await world.ended()

    await world.join(ModelImageWaiter(ref=named(late), waits_already=True))

    assert (await world.outcome(late)).phase is ModelImagePhase.READY
    assert len(world.builds) == 1


async def test_a_deployment_without_a_place_gets_its_image(
    both_skipping: Both, none_has_a_place: None
) -> None:
    both = both_skipping
    gate = await both.being_built()
    await both.until(lambda: "too many wait" in both.deployment.status.get("message", ""))

    gate.set()
    await both.images.until(lambda: bool(both.images.in_registry))
    await both.deployment.skip(timedelta(minutes=10))

    await both.deployment.until_phase(Phase.DEPLOYING)
    assert len(both.images.builds) == 1


async def test_a_failure_is_no_reason_for_another_build_to_who_has_no_place(
    both_skipping: Both, none_has_a_place: None
) -> None:
    both = both_skipping
    gate = await both.being_built()
    await both.until(lambda: "too many wait" in both.deployment.status.get("message", ""))

    both.images.errors["publish_model_image"] = [failure("DigestMismatch", words="as it was said")]
    gate.set()
    await both.images.until(lambda: "publish_model_image" in both.images.calls)
    await both.deployment.skip(timedelta(minutes=10))

    condition = await both.until_built("ChecksumMismatch")
    assert condition["message"] == "as it was said"
    assert both.deployment.status["phase"] == Phase.FAILED
    assert len(both.images.builds) == 1
