"""A daemon or registry whose disk is full is known as such: no try helps before somebody makes room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airunway.clients.buildkit import NoSpace, PushNoSpace
from airunway.sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import World
from tests.servers import buildkitd, registry
from tests.servers.buildkitd import Buildkitd
from tests.servers.fixtures import require
from tests.servers.hub import Hub

pytestmark = pytest.mark.real


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    require(buildkitd.why_missing())
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def cramped_daemon(small_disk: Path) -> Iterator[Buildkitd]:
    """A daemon on that disk."""
    with Buildkitd(small_disk / "daemon") as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("megabytes", "fixed_dates", "kept_megabytes"),
    [(30, False, 0), (15, True, 15), (15, False, 15)],
    ids=["while downloading", "while placing", "while making the layer"],
)
async def test_no_room_is_reported_and_what_is_not_whole_is_freed(
    cramped_daemon: Buildkitd, megabytes: int, fixed_dates: bool, kept_megabytes: int
) -> None:
    async with Hub() as hub, PretendRegistry() as pretend:
        world = World(hub, cramped_daemon, pretend.host)
        model = world.model({"a.gguf": os.urandom(megabytes * 1_000_000)})

        with pytest.raises(NoSpace, match="prune BuildKit's cache") as caught:
            await world.build(world.image(model, fixed_dates=fixed_dates))

        assert not caught.value.retryable
        assert await world.kept_bytes() < (kept_megabytes + 1) * 1_000_000


async def test_a_full_registry_is_told_from_one_that_is_away(
    real_buildkitd: Buildkitd, small_disk: Path
) -> None:
    require(registry.why_missing())
    with registry.Registry(small_disk / "registry") as cramped:
        async with Hub() as hub:
            world = World(hub, real_buildkitd, cramped.host)
            model = world.model({"a.gguf": os.urandom(40_000_000)})

            with pytest.raises(PushNoSpace, match="the registry's disk is probably full"):
                await world.build(world.image(model))
