"""Whoever watches a build sees the downloaded bytes grow to their sum."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from airunway.clients.buildkit import Progress
from tests.clients.buildkit.world import World

SMALL, LARGE = 300_000, 3_000_000


@pytest.mark.parametrize("fixed_dates", [False, True], ids=["linked", "copied"])
async def test_the_bytes_grow_to_their_sum(world: World, fixed_dates: bool) -> None:
    seen: list[Progress] = []
    model = world.model({"a.gguf": os.urandom(SMALL), "b.gguf": os.urandom(LARGE)})

    await world.build(world.image(model, fixed_dates=fixed_dates), on_progress=seen.append)

    assert all(before.done_bytes <= after.done_bytes for before, after in pairwise(seen))
    assert seen[-1].done_bytes == seen[-1].total_bytes == SMALL + LARGE


@pytest.mark.real
async def test_a_file_counts_as_soon_as_it_is_whole_though_the_daemon_counts_no_bytes(
    real_world: World,
) -> None:
    seen: list[Progress] = []
    model = real_world.model({"a.gguf": os.urandom(SMALL), "b.gguf": os.urandom(LARGE)})
    real_world.hub.throttle(2_000_000)

    await real_world.build(real_world.image(model), on_progress=seen.append)

    assert {moment.done_bytes for moment in seen} == {0, SMALL, SMALL + LARGE}
    between = [moment for moment in seen if moment.done_bytes == SMALL]
    assert {moment.step for moment in between} == {"downloading b.gguf"}
    assert between[-1].seconds_left


async def test_what_the_daemon_has_already_counts_at_once(world: World) -> None:
    seen: list[Progress] = []
    image = world.image(world.model({"a.gguf": os.urandom(SMALL)}))
    await world.build(image)

    await world.build(image, on_progress=seen.append)

    assert seen[-1].done_bytes == SMALL
