"""A frontend image may say what is built instead."""

from __future__ import annotations

import os

import pytest

from airunway.clients.buildkit import BuildFailed, BuildKit, BuildKitEndpoint, SourceMissing
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import World
from tests.servers.hub import Hub, resolve_url

AIKIT = "ghcr.io/kaito-project/aikit/aikit:latest"


async def test_aikit_builds_a_model_from_its_url() -> None:
    weights = os.urandom(300_000)
    async with Hub() as hub, PretendRegistry() as registry, PretendBuildKit() as daemon:
        world = World(hub, daemon, registry.host)
        model = world.model({"a.gguf": weights})
        url = resolve_url(hub.url, model.id, "main", "a.gguf")

        async with BuildKit(world.endpoint) as builder:
            built = await builder.build_with_frontend(
                AIKIT,
                attributes={"build-arg:model": url},
                push_to=f"{registry.host}/{world.name}:1",
                ref="aikit",
            )

        assert await world.content(built.digest) == {"/models/a.gguf": weights}


async def test_another_frontend_is_not_pretended() -> None:
    async with PretendBuildKit() as daemon, BuildKit(BuildKitEndpoint(address=daemon.address)) as builder:
        with pytest.raises(BuildFailed, match="no frontend docker/dockerfile"):
            await builder.build_with_frontend(
                "docker/dockerfile:1", attributes={}, push_to="r/x:1", ref="other"
            )


@pytest.mark.real
async def test_a_frontend_that_cannot_be_pulled_is_missing(real_world: World) -> None:
    async with BuildKit(real_world.endpoint) as builder:
        with pytest.raises(SourceMissing):
            await builder.build_with_frontend(
                f"{real_world.registry}/nothing:1",
                attributes={},
                push_to=f"{real_world.registry}/{real_world.name}:1",
                ref="nothing",
                insecure=True,
            )
