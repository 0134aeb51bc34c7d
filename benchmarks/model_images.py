"""How long a deployment waits for its model's image, on the whole system with real servers.

    python -m benchmarks.model_images [--bytes N]

From the creation of a ModelDeployment to `ModelImageReady=True`, which says that the pushed image was pulled
back and found right: commit and digests resolved, built by a BuildKit that knows nothing, pushed, verified.
Then the same for a second and third deployment of the model. Prints the worker's peak memory too. Needs the
real servers (`python3 tools/real/build.py`), root, and room for five times the bytes. The build alone, beside
what is usual, is `benchmarks.image_build`. Prints; nothing is asserted: machines differ.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from airunway.sandbox.temporal import TemporalServer
from benchmarks.image_build import write_random
from tests.real.image_system import ImageSystem, image_system
from tests.servers import buildkitd, registry
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.hub import HubModel
from tests.servers.registry import Registry
from tests.servers.registry_sides import both_sides

GOOD_SECONDS, GOOD_LATER_SECONDS, GOOD_MIB = 9.0, 1.0, 150.0


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_images")
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    options = parser.parse_args()
    missing = buildkitd.why_missing() or registry.why_missing()
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 1
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airunway-model-images-")))
        kubernetes, daemon, world = (
            stack.enter_context(server) for server in (RealCluster(), Buildkitd(), Registry())
        )
        sides = stack.enter_context(both_sides())
        temporal = await stack.enter_async_context(
            TemporalServer(data_file=folder / "temporal.db", log_file=folder / "temporal.log", headless=True)
        )
        system = await stack.enter_async_context(
            image_system(kubernetes, temporal, daemon, world, sides, folder)
        )
        await warm_up(system)
        await measure(system, folder, options.bytes)
    return 0


async def warm_up(system: ImageSystem) -> None:
    """A worker that runs all day has its code loaded and its connections open."""
    small = HubModel(id="bench/small", files={"small-Q4_K_M.gguf": os.urandom(300_000)})
    system.hub.publish(small)
    await system.until_running(await system.deploy(small))


async def measure(system: ImageSystem, folder: Path, count: int) -> None:
    file = folder / "weights.gguf"
    await asyncio.to_thread(write_random, file, count)
    model = HubModel(id="bench/big", files={"big-Q4_K_M.gguf": file})
    system.hub.publish(model)
    await asyncio.to_thread(os.sync)
    first = await until_image(system, model)
    later = [await until_image(system, model) for _ in range(2)]
    print(f"{count / 1e9:.1f} GB, created -> image ready: {first:.2f} s (good: {GOOD_SECONDS:.0f} s)")
    shown = ", ".join(f"{seconds:.2f} s" for seconds in later)
    print(f"later deployments of it: {shown} (good: below {GOOD_LATER_SECONDS:.0f} s)")
    print(f"worker's peak memory: {peak_mib(system):.0f} MiB (good: below {GOOD_MIB:.0f} MiB)")


async def until_image(system: ImageSystem, model: HubModel) -> float:
    """Seconds from the creation of a deployment until its image is ready."""
    began = time.perf_counter()
    name = await system.deploy(model)
    await system.until_image(name, "ImageReady")
    return time.perf_counter() - began


def peak_mib(system: ImageSystem) -> float:
    """The most memory that the worker had, of its whole life."""
    status = Path(f"/proc/{system.processes.pid_of('worker')}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else float("nan")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
