"""An emulated cluster with AI Runway's kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster
from kube_emulator import EmulatedCluster


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with (
        EmulatedCluster() as served,
        await Cluster.connect(served.kubeconfig(tmp_path / "config")) as client,
    ):
        for crd in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(client, crd, field_manager="test")
        yield client
