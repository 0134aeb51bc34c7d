"""How long building and pushing a model's image takes, beside what is usual, on a daemon that knows nothing.

    python -m benchmarks.image_build [--bytes N] [--rounds N]

Needs the real BuildKit daemon and registry (`python3 tools/real/build.py buildkit registry`), root, and room
for six times the bytes in the temporary folder. Random bytes come from a hub in this process; the client is a
process of its own, so that its memory is its own. Prints; nothing is asserted: machines differ.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc.aio

from airunway.clients.buildkit import (
    BuildKit,
    BuildKitEndpoint,
    HttpFile,
    ImageBuild,
    Platform,
    definition_of,
)
from airunway.clients.buildkit.exporter import exporter_attributes
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub
from tests.clients.buildkit.world import World
from tests.servers import buildkitd, registry
from tests.servers.buildkitd import Buildkitd
from tests.servers.hub import Hub, HubModel
from tests.servers.registry import Registry

OURS, FIXED, USUAL = "ours", "with fixed dates (copied)", "copied and gzipped"
WAYS = (OURS, FIXED, USUAL)
PIECE = 16 * 1024 * 1024


def main() -> int:
    """Run it, or be the client of a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image_build")
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--client", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        print(json.dumps(asyncio.run(be_client(options.client, json.load(sys.stdin)))))
        return 0
    missing = buildkitd.why_missing() or registry.why_missing()
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="airunway-image-build-") as folder:
        file = Path(folder) / "weights.gguf"
        write_random(file, options.bytes)
        print(f"sha256 alone: {sha256_seconds(file):.1f} s for {options.bytes / 1e9:.1f} GB", flush=True)
        asyncio.run(compare(file, options.rounds))
    return 0


async def compare(file: Path, rounds: int) -> None:
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with Registry() as pushed_to, Buildkitd() as daemon:
        for _ in range(rounds):
            for way, seconds in taken.items():
                answer = await once(way, file, daemon, pushed_to)
                seconds.append(answer["seconds"])
                figures = f"client {answer['peak_mib']:.0f} MiB, daemon {answer['kept_bytes'] / 1e9:.1f} GB"
                print(f"{way}: {answer['seconds']:.1f} s, {figures}", flush=True)
    ours, fixed, usual = (statistics.median(taken[way]) for way in WAYS)
    print(f"median: {OURS} {ours:.1f} s, {FIXED} {fixed:.1f} s, {USUAL} {usual:.1f} s")
    print(f"{OURS} is {usual / ours:.1f} times as fast as {USUAL}")


async def once(way: str, file: Path, daemon: Buildkitd, pushed_to: Registry) -> dict[str, Any]:
    """One build on a daemon and a registry that were just emptied, with nothing left to be written."""
    await asyncio.to_thread(daemon.wipe)
    await asyncio.to_thread(pushed_to.wipe)
    model = HubModel(id="acme/big", files={"weights.gguf": file})
    async with Hub([model]) as hub:
        world = World(hub, daemon, pushed_to.host)
        base, base_config = await world.push_base({"/bin/serve": b"#!"}, {"Entrypoint": ["/bin/serve"]})
        image = world.image(model, base=base, base_config=base_config, fixed_dates=way != OURS)
        await asyncio.to_thread(os.sync)
        words = [sys.executable, "-m", "benchmarks.image_build", "--client", way]
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
        task = {"image": asdict(image), "daemon": daemon.address, "push_to": f"{pushed_to.host}/big:1"}
        output, _ = await client.communicate(json.dumps(task).encode())
        answer: dict[str, Any] = json.loads(output)
        return answer | {"kept_bytes": await world.kept_bytes()}


async def be_client(way: str, task: dict[str, Any]) -> dict[str, float]:
    """Build one image; answers seconds, and the most memory this process had."""
    build = task["image"]
    files = [HttpFile(**file) for file in build["files"]]
    image = ImageBuild(**{**build, "files": files, "platform": Platform(**build["platform"])})
    start = time.perf_counter()
    build = build_as_usual if way == USUAL else build_ours
    await build(image, task["daemon"], task["push_to"])
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": time.perf_counter() - start, "peak_mib": peak_kib / 1024}


async def build_ours(image: ImageBuild, daemon: str, push_to: str) -> None:
    async with BuildKit(BuildKitEndpoint(address=daemon)) as builder:
        await builder.build(image, push_to=push_to, ref=uuid.uuid4().hex, insecure=True)


async def build_as_usual(image: ImageBuild, daemon: str, push_to: str) -> None:
    """The same image, with the compression that an exporter has unless told otherwise."""
    attributes = exporter_attributes(image, push_to=push_to, insecure=True) | {"compression": "gzip"}
    request = control.SolveRequest(
        Ref=uuid.uuid4().hex,
        Definition=definition_of(image),
        Exporters=[control.Exporter(Type="image", Attrs=attributes)],
    )
    async with grpc.aio.insecure_channel(daemon.removeprefix("tcp://")) as channel:
        await ControlStub(channel).Solve(request)


def write_random(file: Path, count: int) -> None:
    with file.open("wb") as output:
        for at in range(0, count, PIECE):
            output.write(os.urandom(min(PIECE, count - at)))


def sha256_seconds(file: Path) -> float:
    start = time.perf_counter()
    with file.open("rb") as content:
        hashlib.file_digest(content, "sha256")
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
