"""Room in a real registry: what was deleted is freed at its next start, and what is left stays whole."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.clients.buildkit.world import World
from tests.servers import registry
from tests.servers.binaries import binary
from tests.servers.buildkitd import Buildkitd
from tests.servers.fixtures import require
from tests.servers.hub import Hub

pytestmark = pytest.mark.real


def stored_bytes(server: registry.Registry) -> int:
    return sum(file.stat().st_size for file in (server.folder / "data").rglob("*") if file.is_file())


def restart(server: registry.Registry) -> None:
    """As its pod does: collect first."""
    server.kill()
    collect = [binary("registry"), "garbage-collect", str(server.folder / "config.yml")]
    subprocess.run(collect, check=True, capture_output=True)
    server.start()


async def test_a_deleted_image_is_freed_and_the_others_stay(
    real_buildkitd: Buildkitd, tmp_path: Path
) -> None:
    require(registry.why_missing())
    with registry.Registry(tmp_path / "registry") as server:
        async with Hub() as hub:
            old, kept = (World(hub, real_buildkitd, server.host) for _ in range(2))
            weights = os.urandom(2_000_000)
            image = old.image(old.model({"old.gguf": os.urandom(3_000_000)}))
            await old.build(image)
            await kept.build(kept.image(kept.model({"kept.gguf": weights})))
            digest, _ = await old.manifest()

            async with aiohttp.ClientSession() as session:
                url = f"{server.url}/v2/{old.name}/manifests/{digest}"
                assert (await session.delete(url)).status == 202
            await asyncio.to_thread(restart, server)

            assert stored_bytes(server) < 2_500_000
            assert (await kept.content())["/models/kept.gguf"] == weights
            assert (await old.build(image)).digest == digest, "it can be pushed again"
