"""Installing with the rights of deploy/installer, and no others."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.access_review import can_i
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import (
    Cluster,
    Resource,
)
from airunway.messages.installation import (
    Operation,
)
from tests.deploy.manifests import INSTALLER, objects
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
    "subjects": [{"kind": "ServiceAccount", "name": "airunway-installer", "namespace": SYSTEM_NAMESPACE}],
}


async def kubeconfig_of_the_installer(real: RealCluster, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig for the account that `deploy/installer` makes, with no rights but its own."""
    for obj in objects(INSTALLER):
        if obj["kind"] != "Deployment":
            served = await cluster.discovery.served_kinds(obj["apiVersion"])
            kind = Resource(obj["apiVersion"], served[obj["kind"]])
            await cluster.apply(kind, obj, field_manager="test")
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/airunway-installer/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = real.request("POST", path, body)
    assert status == 201, answer
    config = json.loads(real.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    target = folder / "installer-kubeconfig"
    target.write_text(json.dumps(config))
    return target


async def until_allowed(kubeconfig: Path, *, resource: str, verb: str, allowed: bool = True) -> None:
    """Until the API server has taken in a change of rights."""
    async with await Cluster.connect(kubeconfig) as cluster:
        while await can_i(cluster, group="", resource=resource, verb=verb) is not allowed:
            await asyncio.sleep(0.1)


async def test_the_installers_own_rights_are_enough_and_what_they_lack_is_reported(
    site: Site, real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> None:
    kubeconfig = await kubeconfig_of_the_installer(real_cluster, site.cluster, tmp_path)
    logs = tmp_path / "installer-logs"
    logs.mkdir()
    installer = Processes(kubeconfig, real_temporal.address, logs, AIRUNWAY_HELM_TIMEOUT="20s")
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
