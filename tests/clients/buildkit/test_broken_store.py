"""A real daemon whose files and database differ, as a crash leaves them, builds again at the next try."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from airunway.clients.buildkit import BuilderStoreBroken
from tests.clients.buildkit.world import World
from tests.servers import buildkitd
from tests.servers.buildkitd import Buildkitd
from tests.servers.fixtures import require
from tests.servers.hub import Hub
from tests.servers.registry import Registry

pytestmark = pytest.mark.real


@pytest.fixture
async def own(real_registry: Registry) -> AsyncIterator[World]:
    """With a daemon of its own, as its store is broken here."""
    require(buildkitd.why_missing())
    with Buildkitd() as daemon:
        async with Hub() as hub:
            yield World(hub, daemon, real_registry.host)


def worker(world: World) -> Path:
    """Where the daemon's worker keeps its files."""
    assert isinstance(world.daemon, Buildkitd)
    return next((world.daemon.folder / "root").glob("runc-*"))


def snapshots(world: World) -> list[int]:
    """The numbers of the layers' folders, the lowest first."""
    return sorted(int(entry.name) for entry in (worker(world) / "snapshots" / "snapshots").glob("[0-9]*"))


@pytest.mark.parametrize("left_behind", [1, 3])
async def test_folders_that_the_daemon_does_not_list_stop_one_build_only(
    own: World, left_behind: int
) -> None:
    kept = own.image(own.model({"kept.gguf": os.urandom(100_000)}))
    await own.build(kept)
    await own.crash()
    for number in range(snapshots(own)[-1] + 1, snapshots(own)[-1] + 1 + left_behind):
        (worker(own) / "snapshots" / "snapshots" / str(number) / "fs").mkdir(parents=True)
    await own.revive()
    weights = os.urandom(100_000)
    image = own.image(own.model({"a.gguf": weights}))

    with pytest.raises(BuilderStoreBroken) as caught:
        await own.build(image)
    await own.build(image)

    assert caught.value.retryable
    assert not caught.value.is_lost
    assert await own.content() == {"/models/a.gguf": weights}


async def test_lost_files_are_made_again(own: World) -> None:
    files = {"a.gguf": os.urandom(100_000), "b.gguf": os.urandom(100_000)}
    image = own.image(own.model(files))
    await own.build(image)
    await own.crash()
    for blob in (worker(own) / "content" / "blobs" / "sha256").iterdir():
        blob.unlink()
    for number in snapshots(own):
        shutil.rmtree(worker(own) / "snapshots" / "snapshots" / str(number))
    await own.revive()
    own.name += "-again"  # what a registry has is not pushed again

    with pytest.raises(BuilderStoreBroken) as caught:
        await own.build(image)
    await own.build(image)

    assert caught.value.is_lost
    assert await own.content() == {f"/models/{name}": weights for name, weights in files.items()}
