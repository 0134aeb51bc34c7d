"""A build leaves no task, no socket and no file of ours behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from airunway.clients.buildkit import ImageBuild, SourceMissing
from tests.clients.buildkit.world import SECRETS, TOKEN, World


def tasks() -> set[str]:
    """What of ours runs in this loop: gRPC keeps tasks of its own, and the pretend daemon is in it too."""
    names = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    return {name for name in names if name.startswith(("Solving.", "_to_daemon", "_from_daemon"))}


def sessions(folder: Path) -> list[Path]:
    return list(folder.glob("airunway-session-*"))


@pytest.fixture(autouse=True)
async def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Temporary files are the test's own; at its end there are none of ours, and no task."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert not tasks()
    assert not sessions(tmp_path)


def private_image(world: World, *, size: int = 300_000) -> ImageBuild:
    return world.image(world.model({"a.gguf": os.urandom(size)}, token=TOKEN), auth_secret="HF")


async def test_after_a_build(world: World) -> None:
    await world.build(private_image(world), secrets=SECRETS)


async def test_after_a_failure(world: World) -> None:
    image = private_image(world)
    world.hub.refuse(404)

    with pytest.raises(SourceMissing):
        await world.build(image, secrets=SECRETS)


async def test_after_being_cancelled(world: World) -> None:
    image = private_image(world, size=8_000_000)
    world.hub.hold_after(1_000_000)
    building = asyncio.create_task(world.build(image, secrets=SECRETS))
    await world.hub.held.wait()

    building.cancel()
    await asyncio.wait([building])
