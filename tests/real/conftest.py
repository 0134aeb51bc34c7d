"""Fixtures of the installations on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import INSTALLER_NAMESPACE, SYSTEM_NAMESPACE, installation_workflow_id
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import (
    CONFIGS,
    NAMESPACES,
    Cluster,
)
from airunway.sandbox.operators.nodes import NODES
from airunway.workers.temporal.converter import data_converter
from benchmarks.stage import prepare
from tests.clients.helm.servers import chart_server
from tests.real.install_site import NODE, Site
from tests.real.processes import CLUSTER_NAME, Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer


@pytest.fixture
def processes(
    real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> Iterator[Processes]:
    logs = tmp_path / "logs"
    logs.mkdir()
    running = Processes(real_cluster.kubeconfig, real_temporal.address, logs, AIRUNWAY_HELM_TIMEOUT="20s")
    yield running
    running.stop()


@pytest_asyncio.fixture
async def cluster(real_cluster: RealCluster) -> AsyncIterator[Cluster]:
    """The real cluster with our definitions and KAITO's operator."""
    async with await Cluster.connect(real_cluster.kubeconfig) as connected:
        await prepare(connected)
        yield connected


@pytest_asyncio.fixture
async def site(
    real_cluster: RealCluster, real_temporal: TemporalServer, processes: Processes, tmp_path: Path
) -> AsyncIterator[Site]:
    client = await Client.connect(real_temporal.address, data_converter=data_converter())
    async with chart_server() as charts, await Cluster.connect(real_cluster.kubeconfig) as cluster:
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(cluster, definition, field_manager="test")
        for namespace in (SYSTEM_NAMESPACE, INSTALLER_NAMESPACE):
            with suppress(AlreadyExists):
                await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
        built = Site(cluster, client, charts, processes, tmp_path)
        charts.add(built.chart())
        await built.register()
        yield built
        if built.operators is not None:
            await built.operators.__aexit__(None, None, None)
            await cluster.delete(NODES, NODE.name)
        for name in (built.provider, f"{built.provider}-2"):
            with suppress(NotFound):
                await cluster.delete(CONFIGS, name)
            with suppress(Exception):
                await client.get_workflow_handle(installation_workflow_id(CLUSTER_NAME, name)).terminate()
        with suppress(NotFound):
            await cluster.delete(NAMESPACES, built.space)
