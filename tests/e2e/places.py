"""Where a control plane can run: the emulated cluster with Temporal's dev server, or real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from airunway.sandbox.temporal import TemporalServer
from kube_emulator import EmulatedCluster


@dataclass(frozen=True)
class Place:
    """A cluster and a Temporal server. `emulated` is None on a real cluster."""

    kubeconfig: Path
    temporal_address: str
    emulated: EmulatedCluster | None = None


@asynccontextmanager
async def places(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Place]:
    """The place that a fixture's parameter asks for: `sandbox` or `real`."""
    if request.param == "real":
        cluster = request.getfixturevalue("real_cluster")
        temporal = request.getfixturevalue("real_temporal")
        yield Place(cluster.kubeconfig, temporal.address)
        return
    emulated = EmulatedCluster()
    await emulated.start(0)
    try:
        server = TemporalServer(
            data_file=None,
            log_file=folder / "temporal.log",
            port=0,
            ui_port=0,
            search_attributes={},
            headless=True,
        )
        async with server:
            yield Place(emulated.kubeconfig(folder / "kubeconfig"), server.address, emulated)
    finally:
        await emulated.stop()
