"""ServiceAccounts of the manifests, and whoever else a test needs, as clients of a real API server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from airunway.clients.kubernetes import Cluster, Resource
from tests.servers.cluster import Cluster as RealCluster


async def apply_all(
    cluster: Cluster, objects: Iterable[dict[str, Any]], *, without: tuple[str, ...] = ()
) -> None:
    """Apply manifests as an administrator, but for some kinds."""
    for obj in objects:
        if obj["kind"] not in without:
            served = await cluster.discovery.served_kinds(obj["apiVersion"])
            await cluster.apply(Resource(obj["apiVersion"], served[obj["kind"]]), obj, field_manager="test")


def kubeconfig_of(real: RealCluster, account: str, folder: Path, *, namespace: str) -> Path:
    """A kubeconfig for a ServiceAccount, with no rights but its own."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = real.request("POST", path, body)
    assert status == 201, answer
    config = json.loads(real.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    target = folder / f"{account}-kubeconfig"
    target.write_text(json.dumps(config))
    return target


@asynccontextmanager
async def acting_as(
    real: RealCluster, account: str, folder: Path, *, namespace: str
) -> AsyncIterator[Cluster]:
    """A client with the account's rights."""
    kubeconfig = kubeconfig_of(real, account, folder, namespace=namespace)
    async with await Cluster.connect(kubeconfig) as cluster:
        yield cluster
