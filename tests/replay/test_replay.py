"""Histories of workflows that are alive must replay with today's workflow code."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from airunway.workers.temporal.converter import data_converter
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from tests.replay.stories import FOLDER, IMAGE_STORIES, INSTALLER_STORIES, STORIES


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = Replayer(
        workflows=[ModelDeploymentWorkflow, ModelImageWorkflow, ProviderInstallationWorkflow],
        data_converter=data_converter(),
    )
    text = file.read_text()  # noqa: ASYNC240  (a small file)

    history = WorkflowHistory.from_json(f"modeldeployment/here/ml/{file.stem}", text)

    await replayer.replay_workflow(history)


def test_every_story_has_a_history() -> None:
    wanted = {story.__name__ for story in (*STORIES, *INSTALLER_STORIES)}
    for story in IMAGE_STORIES:
        wanted |= {story.__name__, f"image_{story.__name__}"}

    assert wanted <= {file.stem for file in FOLDER.glob("*.json")}
