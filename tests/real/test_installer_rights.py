"""Installing with the rights of deploy/installer, and no others."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from airunway.api.names import INSTALLER_NAMESPACE
from airunway.clients.access_review import can_i
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import Cluster, Resource
from airunway.messages.installation import (
    Operation,
)
from tests.deploy.manifests import INSTALLER, objects
from tests.real.acting import apply_all, kubeconfig_of
from tests.real.install_site import Site
from tests.real.processes import Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings")


SEES_ALL = {
    "metadata": {"name": f"sees-all-{uuid.uuid4().hex[:6]}"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:controller:generic-garbage-collector",
    },
    "subjects": [{"kind": "ServiceAccount", "name": "airunway-installer", "namespace": INSTALLER_NAMESPACE}],
}


async def until_allowed(kubeconfig: Path, *, resource: str, verb: str, allowed: bool = True) -> None:
    """Until the API server has taken in a change of rights."""
    async with await Cluster.connect(kubeconfig) as cluster:
        while await can_i(cluster, group="", resource=resource, verb=verb) is not allowed:
            await asyncio.sleep(0.1)


async def test_the_installers_own_rights_are_enough_and_what_they_lack_is_reported(
    site: Site, real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> None:
    await apply_all(site.cluster, objects(INSTALLER), without=("Deployment",))
    kubeconfig = kubeconfig_of(real_cluster, "airunway-installer", tmp_path, namespace=INSTALLER_NAMESPACE)
    logs = tmp_path / "installer-logs"
    logs.mkdir()
    installer = Processes(
        kubeconfig, real_temporal.address, logs, AIRUNWAY_HELM_TIMEOUT="20s", **site.settings
    )
    site.processes.start("worker", "--no-providers", "--no-installer")
    installer.start("worker", "--no-core", "--no-providers", "--installer")
    try:
        await site.pods_run()
        installed = await site.do()
        removed = await site.do(Operation.UNINSTALL, delete_crds=True)
        await site.cluster.delete(CLUSTER_ROLE_BINDINGS, "airunway-installer")
        await site.cluster.create(CLUSTER_ROLE_BINDINGS, SEES_ALL)
        await until_allowed(kubeconfig, resource="nodes", verb="list")
        await until_allowed(kubeconfig, resource="secrets", verb="create", allowed=False)
        refused = await site.do()
    finally:
        installer.stop()
        with suppress(NotFound):
            await site.cluster.delete(CLUSTER_ROLE_BINDINGS, SEES_ALL["metadata"]["name"])

    assert installed.succeeded, f"{installed.message}\n{installer.logs()}"
    assert removed.succeeded, f"{removed.message}\n{installer.logs()}"
    assert refused.kind == "MissingRights", refused.message
    assert "create deployments.apps" in refused.message
    assert await site.releases() == []
