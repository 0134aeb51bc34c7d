"""Cancelling a build ends it at the daemon, within moments, and frees what it had so far."""

from __future__ import annotations

import asyncio
import os

import pytest

from airunway.clients.buildkit import Progress
from tests.clients.buildkit.world import World


async def test_a_cancelled_download_stops_and_leaves_nothing(world: World) -> None:
    await world.make_links()
    image = world.image(world.model({"a.gguf": os.urandom(8_000_000)}))
    before = await world.kept_bytes()
    world.hub.hold_after(4_000_000)
    building = asyncio.create_task(world.build(image))
    await world.hub.held.wait()

    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building

    async with asyncio.timeout(60):
        await world.hub.left.wait()
    assert world.hub.unfinished == 1
    assert await world.kept_bytes() == before


async def test_a_build_beside_a_cancelled_one_goes_on(world: World) -> None:
    doomed = world.image(world.model({"a.gguf": os.urandom(8_000_000)}))
    other_weights = os.urandom(300_000)
    world.hub.hold_after(1_000_000)
    building = asyncio.create_task(world.build(doomed))
    await world.hub.held.wait()
    world.hub.let_go()
    building.cancel()
    await asyncio.wait([building])

    await world.build(world.image(world.model({"b.gguf": other_weights})))

    assert await world.content() == {"/models/b.gguf": other_weights}


async def test_what_a_listener_raises_ends_the_build(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(8_000_000)}))
    world.hub.hold_after(1_000_000)

    def listener(_progress: object) -> None:
        if world.hub.held.is_set():
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        await world.build(image, on_progress=listener)

    async with asyncio.timeout(60):
        await world.hub.left.wait()


async def test_another_build_of_the_same_file_survives_that_one_is_cancelled(world: World) -> None:
    weights = os.urandom(8_000_000)
    image = world.image(world.model({"a.gguf": weights}))
    world.hub.hold_after(4_000_000)
    staying = asyncio.create_task(world.build(image))
    await world.hub.held.wait()
    is_at_it = asyncio.Event()

    def listener(progress: Progress) -> None:
        if progress.step.startswith("downloading"):
            is_at_it.set()

    other = f"{world.registry}/{world.name}:other"
    going = asyncio.create_task(world.build(image, push_to=other, on_progress=listener))
    await is_at_it.wait()

    going.cancel()
    await asyncio.wait([going])
    world.hub.let_go()

    await staying
    assert await world.content() == {"/models/a.gguf": weights}
