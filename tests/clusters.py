"""An emulated cluster and a client of it, for tests that need nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import Cluster
from kube_emulator import EmulatedCluster


@asynccontextmanager
async def emulated_cluster(folder: Path, *, own_crds: bool = False) -> AsyncIterator[Cluster]:
    """`own_crds`: with the kinds of this system. `folder`: gets its kubeconfig."""
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(folder / "kubeconfig")) as cluster,
    ):
        if own_crds:
            await apply_own_crds(cluster, field_manager="test")
        yield cluster
