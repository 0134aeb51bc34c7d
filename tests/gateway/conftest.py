"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster
from kube_emulator import EmulatedCluster
from tests.gateway.site import GatewaySite
from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[GatewaySite]:
    """An emulated cluster without Gateway API."""
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(cluster, definition, field_manager="test")
        site = GatewaySite(emulated, cluster)
        await site.register()
        yield site


@pytest_asyncio.fixture
async def site(bare: GatewaySite) -> GatewaySite:
    """The same with Gateway API and its inference extension."""
    await bare.install()
    return bare
