"""Hub, registry and builder in a process of their own, for deployments whose image is made of a model.

    python -m benchmarks.pretend_images FILE

The first deployment has the image built; for all others it is in the registry already. FILE gets the settings
by which our processes find them, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airunway.modelimage.naming import PULL_HOST
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.hub import PretendHub
from airunway.sandbox.registry import PretendRegistry
from airunway.workers.health import probes
from airunway.workers.settings import Settings
from benchmarks.stage import Stage

PATIENCE_SECONDS = 30.0


@contextmanager
def pretend_images(on: Stage, *, wanted: bool) -> Iterator[None]:
    """Run them beside the stage's servers, and have our processes use them."""
    if wanted:
        file = on.folder / "images.json"
        on.start("images", "benchmarks.pretend_images", str(file))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        on.settings |= json.loads(file.read_text())
    yield


async def serve(file: Path) -> None:
    """Serve until killed."""
    registry, hub, buildkit = PretendRegistry(), PretendHub(), PretendBuildKit(bytes_per_second=1e9)
    async with hub, registry:
        buildkit.network.registries["*"] = registry.url
        async with buildkit:
            settings = {
                "AIRUNWAY_HUGGING_FACE": hub.url,
                "AIRUNWAY_BUILDKIT_ADDRESS": buildkit.address,
                "AIRUNWAY_IMAGE_REGISTRY": registry.host,
                "AIRUNWAY_IMAGE_REGISTRY_PULL": PULL_HOST,
                "AIRUNWAY_REGISTRY_MIRRORS": json.dumps({"docker.io": registry.url, "ghcr.io": registry.url}),
            }
            ready = file.with_suffix(".part")
            ready.write_text(json.dumps(settings))
            ready.rename(file)
            async with probes(Settings().health_port, lambda: True):
                await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
