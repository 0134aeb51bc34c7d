"""However many deployments wait for an image, its history stays short enough to be replayed."""

from __future__ import annotations

import asyncio

import pytest

from airunway.messages.model_image import ModelImagePhase
from tests.workflows.image_world import ImageWorld

WAITERS = 20
EVENTS_EACH = 12
"""Of a waiter: two for each time that it is notified, one for its joining, and a share of the tasks."""


@pytest.fixture
def world(images: ImageWorld) -> ImageWorld:
    return images


async def test_they_are_notified_together(world: ImageWorld) -> None:
    _, gate = await world.being_built()
    listeners = [await world.wait_for_image() for _ in range(WAITERS)]
    await world.report_progress("downloading a.gguf", 500)
    for listener in listeners:
        await world.until_reported(listener, lambda report: report.progress.done_bytes == 500)

    gate.set()
    outcomes = await asyncio.gather(*(world.outcome(listener) for listener in listeners))
    await world.ended()

    assert {report.phase for report in outcomes} == {ModelImagePhase.READY}
    events = (await world.image.fetch_history()).events
    assert len(events) < 100 + WAITERS * EVENTS_EACH
