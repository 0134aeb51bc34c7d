"""The main job, each process with its own account and the rights of the manifests, on a real API server.

From a deployment of a private model to its deletion, with the image that is built for it and an operator that
is installed. What is refused is seen in the API server's audit log: a process may take a refusal in silence.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.errors import BuilderNotReady, RegistryNotReady
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import DEPLOYMENTS, PODS, SECRETS, Cluster, Object
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryError
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.sandbox.operators.nodes import NODES
from benchmarks.audit import Audit
from benchmarks.instant_operator import WORKSPACES
from benchmarks.stage import prepare
from tests.clients.helm.servers import chart_server
from tests.deploy.processes import account_of
from tests.deploy.uses import INSTALLER, WATCHER, WORKER
from tests.real.accounts import Accounts
from tests.real.image_system import NAMESPACE, ImageSystem, image_system, tiny_gguf
from tests.real.install_site import NODE, Site
from tests.real.processes import Processes
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.cluster import why_missing
from tests.servers.fixtures import require
from tests.servers.registry import Registry
from tests.servers.registry_sides import RegistrySides
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

TOKEN = "hf_of_a_private_model"


@dataclass
class Audited:
    """A cluster of this file's own, and its audit log."""

    cluster: RealCluster
    audit: Audit


@pytest.fixture(scope="module")
def audited() -> Iterator[Audited]:
    require(why_missing())
    cluster = RealCluster()
    audit = Audit(cluster.api_server.folder)
    cluster.api_server.extra_args += audit.flags()
    with cluster:
        yield Audited(cluster, audit)


@pytest_asyncio.fixture
async def accounts(audited: Audited, tmp_path: Path) -> AsyncIterator[Accounts]:
    async with await Cluster.connect(audited.cluster.kubeconfig) as admin:
        await prepare(admin)
        made = Accounts(audited.cluster, admin, audited.audit, tmp_path)
        await made.make("kaito")
        yield made


@pytest_asyncio.fixture
async def system(
    audited: Audited,
    accounts: Accounts,
    real_temporal: TemporalServer,
    real_buildkitd: Buildkitd,
    real_registry: Registry,
    registry_sides: RegistrySides,
    tmp_path: Path,
) -> AsyncIterator[ImageSystem]:
    logs = tmp_path / "logs"
    logs.mkdir()

    def start(processes: Processes) -> None:
        for account, words in (
            (WORKER, ["worker", "--no-providers", "--no-installer"]),
            (account_of("kaito"), ["worker", "--provider", "kaito", "--no-core"]),
            (WATCHER, ["watcher"]),
        ):
            processes.start(*words, AIRUNWAY_KUBECONFIG=str(accounts.kubeconfig(account)))

    servers = (audited.cluster, real_temporal, real_buildkitd, real_registry, registry_sides)
    async with image_system(*servers, logs, start) as running:
        yield running


async def test_the_main_job_is_done_with_the_rights_of_the_manifests(
    system: ImageSystem, accounts: Accounts, tmp_path: Path
) -> None:
    secret = {
        "metadata": {"name": "hf-token-secret"},
        "data": {"HF_TOKEN": base64.b64encode(TOKEN.encode()).decode()},
    }
    await system.cluster.create(SECRETS, secret, namespace=NAMESPACE)
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny")}, token=TOKEN)

    name = await system.deploy(model, secrets={"huggingFaceToken": "hf-token-secret"})
    image = await system.until_running(name)
    await edit(system, name, {"spec": {"nodeSelector": {"disk": "fast"}}})
    await install(system, accounts, tmp_path)
    await system.clean_up()

    assert "@sha256:" in image
    assert await system.cluster.find(WORKSPACES, name, namespace=NAMESPACE) is None
    assert await accounts.refused() == []
    assert await accounts.not_in_the_list() == []


async def edit(system: ImageSystem, name: str, patch: Object) -> None:
    """Change a deployment, and wait until that runs."""
    changed = await system.cluster.patch(DEPLOYMENTS, name, patch, namespace=NAMESPACE)
    generation = changed["metadata"]["generation"]
    await system.until(
        name,
        lambda status: status.get("phase") == "Running" and status.get("observedGeneration") == generation,
        f"{name} Running as changed",
    )
    workspace = await system.cluster.get(WORKSPACES, name, namespace=NAMESPACE)
    assert "fast" in str(workspace), workspace


async def install(system: ImageSystem, accounts: Accounts, folder: Path) -> None:
    """Install the operator of a provider of the test's own; the installer is told of it by its settings."""
    async with chart_server() as charts:
        site = Site(system.cluster, system.client, charts, system.processes, folder)
        charts.add(site.chart())
        await site.register()
        kubeconfig = str(accounts.kubeconfig(INSTALLER))
        words = ("worker", "--no-core", "--no-providers", "--installer")
        system.processes.start(*words, AIRUNWAY_KUBECONFIG=kubeconfig, **site.settings)
        await site.pods_run()
        assert site.operators is not None
        try:
            installed = await site.do()
        finally:
            await site.operators.__aexit__(None, None, None)
            await system.cluster.delete(NODES, NODE.name)
    assert installed.succeeded, f"{installed.message}\n{system.processes.logs()}"


class NoDigests:
    """No registry can be reached."""

    async def resolve(self, reference: str) -> ResolvedReference:
        raise RegistryError(f"{reference}: no network")


async def test_the_worker_makes_registry_and_builder_with_its_own_rights(accounts: Accounts) -> None:
    """No kubelet runs their pods here: they are made, and what keeps them from being up is looked for."""
    async with await Cluster.connect(accounts.kubeconfig(WORKER)) as cluster:
        options = ClusterOptions()
        login = ClusterRegistryLogin(cluster, namespace=options.namespace, lifetime=timedelta(days=30))
        services = BuildServices(cluster, options, digests=NoDigests(), logins=[login])

        for _ in range(2):  # what is there already is brought up to date
            with pytest.raises(RegistryNotReady):
                await services.ensure_registry()
            with pytest.raises(BuilderNotReady):
                await services.ensure_builder()

    assert await accounts.refused() == []
    assert await accounts.not_in_the_list() == []


async def test_what_is_not_granted_is_refused_and_found(audited: Audited, accounts: Accounts) -> None:
    """So that the tests above say something."""
    async with await Cluster.connect(accounts.kubeconfig(WATCHER)) as cluster:
        with pytest.raises(Forbidden):
            await cluster.delete(PODS, "any", namespace="default")

    (refused,) = await accounts.refused()
    assert refused == f"{WATCHER}: delete /api/v1/namespaces/default/pods/any"
    ((account, grant),) = await accounts.not_in_the_list()
    assert (account, grant.verb, grant.resource) == (WATCHER, "delete", "pods")
