"""A daemon that is away, or dies in the middle, is told apart from a build that failed."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import pytest

from airunway.clients.buildkit import (
    BuilderStoreBroken,
    BuilderUnreachable,
    BuildInterrupted,
    BuildKit,
    BuildKitEndpoint,
    ImageBuild,
)
from kube_emulator.envtest.ports import free_port
from tests.clients.buildkit.world import World

TRIES = 3


async def test_a_daemon_that_dies_in_the_middle_interrupts_the_build(world: World) -> None:
    weights = os.urandom(8_000_000)
    image = world.image(world.model({"a.gguf": weights}))
    world.hub.hold_after(4_000_000)
    building = asyncio.create_task(world.build(image))
    await world.hub.held.wait()

    await world.crash()
    with pytest.raises(BuildInterrupted) as caught:
        await building
    await world.revive()
    world.hub.let_go()

    assert caught.value.retryable
    await build_after_a_crash(world, image)
    assert await world.content() == {"/models/a.gguf": weights}


async def build_after_a_crash(world: World, image: ImageBuild) -> None:
    """Build, a few times if need be: a killed daemon may have left a layer that it does not list."""
    for _ in range(TRIES - 1):
        with suppress(BuilderStoreBroken):
            await world.build(image)
            return
    await world.build(image)


async def test_a_daemon_that_is_not_there_is_unreachable() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"

    async with BuildKit(BuildKitEndpoint(address=address)) as builder:
        with pytest.raises(BuilderUnreachable, match=address) as caught:
            await builder.info()

    assert caught.value.retryable


async def test_a_daemon_says_what_it_is(world: World) -> None:
    async with BuildKit(world.endpoint) as builder:
        info = await builder.info()

    assert info.version.startswith("v0.")
    assert "linux/amd64" in [str(platform) for platform in info.workers[0].platforms]
