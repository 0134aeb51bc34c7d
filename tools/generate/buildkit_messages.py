"""Generate BuildKit's messages and services in airunway/clients/buildkit/wire from our `.proto` files there.

    python -m tools.generate.buildkit_messages

Needs grpcio-tools, which only developers have. A test fails when what is committed is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path("airunway/clients/buildkit/wire")
SERVICES = ("auth", "control", "secrets")  # the others hold only messages


def generate(target: Path) -> Sequence[Path]:
    """Write everything under a folder that stands for the checkout; answers the files, relative to it."""
    protos = sorted(file.stem for file in (ROOT / FOLDER).glob("*.proto"))
    (target / FOLDER).mkdir(parents=True, exist_ok=True)
    written = [*_run(target, protos, "python", "_pb2.py"), *_run(target, protos, "pyi", "_pb2.pyi")]
    return [*written, *_run(target, SERVICES, "grpc_python", "_pb2_grpc.py")]


def _run(target: Path, protos: Sequence[str], kind: str, ending: str) -> Sequence[Path]:
    well_known = resources.files("grpc_tools") / "_proto"
    words = ["protoc", f"-I{ROOT}", f"-I{well_known}", f"--{kind}_out={target}"]
    status = protoc.main([*words, *(str(ROOT / FOLDER / f"{name}.proto") for name in protos)])
    if status:
        sys.exit(f"error: protoc ended with status {status} (see above)")
    return [FOLDER / f"{name}{ending}" for name in protos]


if __name__ == "__main__":
    for path in generate(ROOT):
        print(path)
