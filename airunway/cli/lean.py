"""What a process does without. A module that imports nothing, because it is called before everything else."""

from __future__ import annotations

import importlib
import sys


def import_temporal_alone() -> None:
    """Import Temporal's SDK without gRPC's Python library: 10 MB, of which it makes stubs that nobody calls.

    It speaks gRPC through a core of its own and takes the library for something optional. Whoever needs it,
    as BuildKit's client and the export of traces do, may import it afterwards.
    """
    if "temporalio" in sys.modules or "grpc" in sys.modules:
        return
    sys.modules["grpc"] = None  # type: ignore[assignment]  # how Python is told that there is no such module
    try:
        importlib.import_module("temporalio.client")
    finally:
        del sys.modules["grpc"]
