"""Histories of workflows that are alive must replay with today's workflow code."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.worker import Replayer

from airunway.workers.served_workflows import WORKFLOWS
from airunway.workers.temporal.converter import data_converter
from tests.replay.stories import (
    FOLDER,
    IMAGE_STORIES,
    INSTALLER_STORIES,
    STORIES,
    names_with_image,
    recorded,
)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter(),
    )

    await replayer.replay_workflow(recorded(file))


def test_every_story_has_a_history() -> None:
    wanted = {story.__name__ for story in (*STORIES, *INSTALLER_STORIES)}
    for story in IMAGE_STORIES:
        wanted |= set(names_with_image(story.__name__))

    assert wanted <= {file.stem for file in FOLDER.glob("*.json")}
