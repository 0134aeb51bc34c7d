"""Who encrypts with a key that workers do not have is refused, and holds no deployment up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from airunway.api.status import Phase
from airunway.messages.commands import PAUSE, Asked
from airunway.messages.payloads import UnreadablePayload
from airunway.operations.errors import Refused
from airunway.operations.updates import ask
from airunway.workers.settings import Settings
from airunway.workers.temporal.converter import data_converter
from tests.workflows.workers import core_worker, provider_worker
from tests.workflows.world import World


def keyed(folder: Path) -> DataConverter:
    """With one key, named as its folder."""
    folder.mkdir()
    (folder / folder.name).write_bytes(os.urandom(32))
    return data_converter(Settings(temporal_encryption_keys=folder))


async def test_a_command_with_a_key_that_was_taken_away_is_refused(
    development_server: str, tmp_path: Path
) -> None:
    client = await Client.connect(development_server, data_converter=keyed(tmp_path / "new"))
    stale = await Client.connect(development_server, data_converter=keyed(tmp_path / "old"))
    world = World(WorkflowEnvironment.from_client(client), upstream_phase=Phase.RUNNING)
    async with core_worker(world, is_sandboxed=False), provider_worker(world):
        await world.start()
        await world.until_phase(Phase.RUNNING)

        with pytest.raises(Refused, match="other keys for payloads"):
            await ask(stale, world.handle.id, PAUSE, Asked(by="ann"), about="chat")

        await world.edit()
        await world.until(lambda: world.status["observedGeneration"] == 2)
        view = await world.quiet()
        history = await world.handle.fetch_history()
        await world.handle.terminate()
    kinds = {event.event_type for event in history.events}
    assert view.state.paused_by is None
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds


async def test_what_is_encrypted_with_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    written = await keyed(tmp_path / "old").encode([{"a": 1}])

    with pytest.raises(UnreadablePayload, match="key 'old', which is not in"):
        await keyed(tmp_path / "new").decode(written)
