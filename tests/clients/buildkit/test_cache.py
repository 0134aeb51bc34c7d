"""What a daemon keeps can be looked at and cleared."""

from __future__ import annotations

import os

import pytest

from airunway.clients.buildkit import BuildFailed, BuildKit
from tests.clients.buildkit.world import World


async def test_pruning_says_how_much_it_freed(world: World) -> None:
    await world.wipe()
    await world.build(world.image(world.model({"a.gguf": os.urandom(1_000_000)})))

    async with BuildKit(world.endpoint) as builder:
        before = await builder.disk_usage()
        freed = await builder.prune()
        after = await builder.disk_usage()

    assert any(record.description.startswith("http url ") for record in before)
    assert freed >= 1_000_000
    assert sum(record.bytes for record in after) < 1_000_000


async def test_a_little_may_be_kept(world: World) -> None:
    await world.wipe()
    await world.build(world.image(world.model({"a.gguf": os.urandom(1_000_000)})))

    async with BuildKit(world.endpoint) as builder:
        freed = await builder.prune(max_used_bytes=1_000_000_000)

    assert freed == 0


async def test_only_what_a_filter_fits_is_dropped(world: World) -> None:
    await world.wipe()
    await world.build(world.image(world.model({"a.gguf": os.urandom(1_000_000)})))

    async with BuildKit(world.endpoint) as builder:
        freed = await builder.prune(filters=["id==nothing"])

    assert freed == 0


async def test_a_filter_that_is_none_is_no_lost_daemon(world: World) -> None:
    async with BuildKit(world.endpoint) as builder:
        with pytest.raises(BuildFailed):
            await builder.prune(filters=["nonsense=="])
