"""A daemon whose disk is full says so, as what it is: no other try helps before somebody makes room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.buildkit import NoSpace
from sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import World
from tests.servers import buildkitd
from tests.servers.buildkitd import Buildkitd
from tests.servers.fixtures import require
from tests.servers.hub import Hub

pytestmark = pytest.mark.real


@pytest.fixture
def cramped_daemon(tmp_path: Path) -> Iterator[Buildkitd]:
    """A daemon on a disk of 24 MiB."""
    require(buildkitd.why_missing())
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        with Buildkitd(disk / "daemon") as daemon:
            yield daemon
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(
    ("megabytes", "fixed_dates", "kept_megabytes"),
    [(30, False, 0), (15, True, 15), (15, False, 15)],
    ids=["while downloading", "while placing", "while making the layer"],
)
async def test_no_room_is_told_and_what_is_not_whole_is_freed(
    cramped_daemon: Buildkitd, megabytes: int, fixed_dates: bool, kept_megabytes: int
) -> None:
    async with Hub() as hub, PretendRegistry() as registry:
        world = World(hub, cramped_daemon, registry.host)
        model = world.model({"a.gguf": os.urandom(megabytes * 1_000_000)})

        with pytest.raises(NoSpace, match="prune BuildKit's cache") as caught:
            await world.build(world.image(model, fixed_dates=fixed_dates))

        assert not caught.value.retryable
        assert await world.kept_bytes() < (kept_megabytes + 1) * 1_000_000
