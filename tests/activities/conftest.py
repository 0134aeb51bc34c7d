"""Fixtures of the tests of a deployment's steps, installer and model images."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import PRIVATE_PULLS, REGISTRY_LOGIN
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import NAMESPACES, SECRETS, Cluster
from airunway.modelimage.builder_objects import BUILDER_CERTIFICATES
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from kube_emulator import EmulatedCluster
from tests.activities.build_services_site import BuildServicesSite
from tests.activities.deployment_site import DeploymentSite
from tests.activities.image_shop import FILES, REPOSITORY, Shop
from tests.activities.install_site import SYSTEM, Site
from tests.activities.prerequisite_site import gpu_chart
from tests.e2e.acme import CRD
from tests.releases import HOST, publish_all
from tests.servers.hub import Hub, HubModel
from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[DeploymentSite]:
    """An emulated cluster that knows deployments and what `acme` makes of them."""
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        for definition in (model_deployment_crd(), provider_config_crd(), CRD):
            await apply_crd(cluster, definition, field_manager="test")
        yield DeploymentSite(emulated, cluster)


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


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """The files of Gateway API's releases, in a folder that stands for their host."""
    folder = tmp_path / "releases"
    publish_all(folder)
    return folder


@pytest.fixture
def there(site: Site, releases: Path) -> Site:
    """The cluster, its installer with that host, and the GPU operator's chart."""
    made = Site(site.cluster, mirrors={HOST: str(releases)}, installations=site.installations)
    made.helm.charts["nvidia/gpu-operator"] = gpu_chart()
    return made


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    model = HubModel(id=REPOSITORY, files=FILES, license="mit")
    async with Hub([model]) as hub, PretendRegistry() as registry, PretendBuildKit() as buildkit:
        buildkit.network.registries["ghcr.io"] = registry.url
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_crd(cluster, model_deployment_crd(), field_manager="test")
            yield Shop(hub, registry, buildkit, cluster)
    await emulated.stop()


@pytest_asyncio.fixture(params=["emulated", pytest.param("real", marks=pytest.mark.real)])
async def given(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BuildServicesSite]:
    emulated = None
    if request.param == "real":
        kubeconfig = request.getfixturevalue("real_kubeconfig")
    else:
        emulated = EmulatedCluster()
        await emulated.start(0)
        kubeconfig = emulated.kubeconfig(tmp_path / "kubeconfig")
    namespace = f"images-{tmp_path.name[-20:].strip('_-').replace('_', '-').lower()}"
    async with await Cluster.connect(kubeconfig) as cluster:
        try:
            for name in (namespace, f"{namespace}-builder"):
                await cluster.create(NAMESPACES, {"metadata": {"name": name}})
        except AlreadyExists:
            pytest.fail(f"namespace {namespace} is left over")
        places = {
            BUILDER_CERTIFICATES: f"{namespace}-builder",
            REGISTRY_LOGIN: namespace,
            PRIVATE_PULLS: namespace,
        }
        for name, place in places.items():
            await cluster.create(SECRETS, {"metadata": {"name": name}}, namespace=place)
        yield BuildServicesSite(cluster, namespace, controllers=emulated is None)
        if emulated is None:
            for name in (namespace, f"{namespace}-builder"):
                await cluster.delete(NAMESPACES, name)
    if emulated is not None:
        await emulated.stop()
