"""BuildKit's daemon and the registry survive a crash with what they keep, and can be emptied."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from airunway.clients.buildkit import BuildKit, BuildKitEndpoint
from tests.clients.buildkit.world import World
from tests.servers.buildkitd import Buildkitd
from tests.servers.hub import Hub
from tests.servers.registry import Registry

pytestmark = pytest.mark.real


@pytest.fixture
async def world(real_buildkitd: Buildkitd, real_registry: Registry) -> AsyncIterator[World]:
    async with Hub() as hub:
        yield World(hub, real_buildkitd, real_registry.host)


async def test_the_daemon_says_which_version_it_is(real_buildkitd: Buildkitd) -> None:
    async with BuildKit(BuildKitEndpoint(address=real_buildkitd.address)) as builder:
        # Unstamped it would be v0.0.0.
        assert not (await builder.info()).version.startswith("v0.0.0")


async def test_a_killed_daemon_comes_back_with_its_cache(world: World, real_buildkitd: Buildkitd) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))
    await world.build(image)
    before = real_buildkitd.pid

    await asyncio.to_thread(real_buildkitd.restart)
    world.hub.requests.clear()
    await world.build(image)

    assert real_buildkitd.pid != before
    assert not world.hub.requests


async def test_a_wiped_daemon_keeps_nothing(world: World, real_buildkitd: Buildkitd) -> None:
    await world.build(world.image(world.model({"a.gguf": os.urandom(300_000)})))

    await asyncio.to_thread(real_buildkitd.wipe)

    assert await world.kept_bytes() == 0


async def test_a_killed_registry_comes_back_with_its_images(world: World, real_registry: Registry) -> None:
    built = await world.build(world.image(world.model({"a.gguf": os.urandom(300_000)})))

    await asyncio.to_thread(real_registry.kill)
    await asyncio.to_thread(real_registry.start)

    digest, _ = await world.manifest()
    assert digest == built.digest


async def test_a_registry_with_users_lets_nobody_else_in(world: World) -> None:
    password_hash = "$2b$05$9cazJ6CEJwTYWrMA8Sxl1.Fz5kw7Q5b.aY.xsdLePOeqSYX/MBqFO"  # of s3cret
    registry = Registry(users={"builder": password_hash})
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))
    await asyncio.to_thread(registry.__enter__)
    try:
        login = {registry.host: ("builder", "s3cret")}

        built = await world.build(image, push_to=f"{registry.host}/x:1", registry_auth=login)

        assert built.digest.startswith("sha256:")
    finally:
        await asyncio.to_thread(registry.__exit__)
