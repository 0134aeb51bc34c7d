"""Worlds for the client's tests: each test runs against the pretend daemon and against the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import World
from tests.servers.buildkitd import Buildkitd
from tests.servers.hub import Hub
from tests.servers.registry import Registry


@pytest.fixture(params=["pretend", pytest.param("real", marks=pytest.mark.real)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with Hub() as hub:
        if request.param == "real":
            daemon: Buildkitd = request.getfixturevalue("real_buildkitd")
            registry: Registry = request.getfixturevalue("real_registry")
            yield World(hub, daemon, registry.host)
            return
        async with PretendRegistry() as pretend_registry, PretendBuildKit() as pretend_daemon:
            yield World(hub, pretend_daemon, pretend_registry.host)


@pytest.fixture
async def real_world(real_buildkitd: Buildkitd, real_registry: Registry) -> AsyncIterator[World]:
    """For what only the real daemon can show."""
    async with Hub() as hub:
        yield World(hub, real_buildkitd, real_registry.host)
