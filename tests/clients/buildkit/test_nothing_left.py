"""A build leaves no task, no socket and no file of ours behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from airunway.clients.buildkit import SourceMissing
from tests.clients.buildkit.world import SECRETS, TOKEN, World


def tasks() -> set[str]:
    """What of ours runs in this loop: gRPC keeps tasks of its own, and the pretend daemon is in it too."""
    names = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    return {name for name in names if name.startswith(("Solving.", "_to_daemon", "_from_daemon"))}


def sessions(folder: Path) -> list[Path]:
    return list(folder.glob("airunway-session-*"))


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def test_after_a_build(world: World, own_temporary_folder: Path) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN), auth_secret="HF")

    await world.build(image, secrets=SECRETS)

    assert not tasks()
    assert not sessions(own_temporary_folder)


async def test_after_a_failure(world: World, own_temporary_folder: Path) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN), auth_secret="HF")
    world.hub.refuse(404)

    with pytest.raises(SourceMissing):
        await world.build(image, secrets=SECRETS)

    assert not tasks()
    assert not sessions(own_temporary_folder)


async def test_after_being_cancelled(world: World, own_temporary_folder: Path) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(8_000_000)}, token=TOKEN), auth_secret="HF")
    world.hub.hold_after(1_000_000)
    building = asyncio.create_task(world.build(image, secrets=SECRETS))
    await world.hub.held.wait()

    building.cancel()
    await asyncio.wait([building])

    assert not tasks()
    assert not sessions(own_temporary_folder)
