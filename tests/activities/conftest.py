"""Fixtures of the installer's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster
from kube_emulator import EmulatedCluster
from tests.activities.install_site import SYSTEM, Site


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An emulated cluster with a registered provider; `files.acme.dev` is the test's folder `charts`."""
    files = tmp_path / "charts"
    files.mkdir()
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(cluster, definition, field_manager="test")
        built = Site(cluster, mirrors={"https://files.acme.dev": str(files)})
        await built.namespace(SYSTEM)
        await built.register()
        yield built
