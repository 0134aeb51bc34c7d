"""Where a control plane can run: the emulated cluster with Temporal's dev server, or real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from airunway.sandbox.temporal import TemporalServer
from kube_emulator import EmulatedCluster
from tests.servers.cluster import Cluster, why_missing
from tests.servers.fixtures import require


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


@asynccontextmanager
async def lonely_places(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Place]:
    """The same, with a real cluster of the test's own: for what moves or defines all that a cluster has."""
    if request.param != "real":
        async with places(request, folder) as place:
            yield place
        return
    require(why_missing())
    temporal = request.getfixturevalue("real_temporal")
    with Cluster() as running:
        yield Place(running.kubeconfig, temporal.address)
