"""A daemon that is there but says nothing any more counts as lost; one that is only slow does not."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from datetime import timedelta

import pytest

from airunway.clients.buildkit import BuildInterrupted, BuildKit, ImageBuild, PushedImage
from tests.clients.buildkit.world import World

SOON = timedelta(seconds=1.5)  # a busy machine is silent for less


async def build(world: World, image: ImageBuild) -> PushedImage:
    async with BuildKit(
        world.endpoint, call_timeout=SOON, report_every=timedelta(milliseconds=50)
    ) as builder:
        push_to = f"{world.registry}/{world.name}:latest"
        return await builder.build(image, push_to=push_to, insecure=True, ref=uuid.uuid4().hex)


@pytest.mark.real
async def test_a_frozen_daemon_is_given_up(real_world: World) -> None:
    image = real_world.image(real_world.model({"a.gguf": os.urandom(8_000_000)}))
    real_world.hub.hold_after(1_000_000)
    building = asyncio.create_task(build(real_world, image))
    await real_world.hub.held.wait()
    pid = real_world.daemon.pid  # type: ignore[union-attr]
    assert pid is not None

    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(BuildInterrupted, match="does not answer any more"):
            await building
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_slow_download_is_no_silence(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(8_000_000)}))
    world.hub.hold_after(1_000_000)
    building = asyncio.create_task(build(world, image))
    await world.hub.held.wait()

    # Several times as long as the daemon may be silent.
    done, _ = await asyncio.wait([building], timeout=3 * SOON.total_seconds())
    world.hub.let_go()

    assert not done
    await building
