"""The real API server keeps an object ours, whichever version of its kind we wrote it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.upstream.changed_fields import changed_fields
from airunway.activities.upstream.ownership import takeover_patch
from airunway.clients.crds import apply_crd
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import CRDS, JSON_PATCH, Cluster, Object
from airunway.provider import RenderContext, UpstreamKind
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import ALPHA, BETA
from tests.upstream_crds.folders import version

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

GRAPH = "DynamoGraphDeployment"
NAME = "dynamographdeployments.nvidia.com"
MANAGER = PROVIDER.field_manager
KINDS = {kind.api_version: kind for kind in PROVIDER.kinds[0].versions}


def definition(*, stored: str, served: tuple[str, ...] = (ALPHA, BETA)) -> Object:
    """As published, but for the conversion, which is the operator's: what the stored version lacks goes."""
    (found,) = [entry for entry in version("dynamo-main").definitions if entry["metadata"]["name"] == NAME]
    versions = [
        {
            **entry,
            "served": f"nvidia.com/{entry['name']}" in served,
            "storage": f"nvidia.com/{entry['name']}" == stored,
        }
        for entry in found["spec"]["versions"]
    ]
    return {**found, "spec": {**found["spec"], "versions": versions}}


async def install(cluster: Cluster, definition: Object, *, served: tuple[str, ...] = (ALPHA, BETA)) -> None:
    """Until the server serves these versions and no other."""
    await apply_crd(cluster, definition, field_manager="test")
    async with asyncio.timeout(120):
        for api_version in (ALPHA, BETA):
            wanted = api_version in served
            while (GRAPH in await cluster.discovery.served_kinds(api_version)) is not wanted:
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture
async def cluster(real_kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_kubeconfig) as connected:
        yield connected
        with suppress(NotFound):
            await connected.delete(CRDS, NAME)
        async with asyncio.timeout(120):
            while await connected.find(CRDS, NAME):
                await asyncio.sleep(0.2)


def graph(api_version: str, namespace: str, **spec: Any) -> Object:
    context = RenderContext(api_version=api_version)
    (rendered,) = PROVIDER.render(deployment(**spec), context)
    kept = {key: value for key, value in rendered["metadata"].items() if key != "ownerReferences"}
    return {**rendered, "metadata": {**kept, "namespace": namespace}}


def ours(live: Object) -> list[tuple[str, str]]:
    entries = live["metadata"]["managedFields"]
    return [(entry["operation"], entry["apiVersion"]) for entry in entries if entry["manager"] == MANAGER]


async def made(cluster: Cluster, api_version: str, namespace: str) -> Object:
    """Created as a reconcile creates it, and applied as the next one does."""
    kind = KINDS[api_version]
    first = graph(api_version, namespace, nodeSelector={"pool": "gpu"})
    live = await cluster.create(kind, first, namespace=namespace, field_manager=MANAGER, strict=True)
    await take_over(cluster, kind, live)
    return await cluster.apply(kind, first, field_manager=MANAGER, strict=True)


async def take_over(cluster: Cluster, kind: UpstreamKind, live: Object) -> None:
    """What comes before an apply."""
    patch, meta = takeover_patch(live, field_manager=MANAGER), live["metadata"]
    assert patch is not None
    await cluster.patch(
        kind,
        meta["name"],
        patch,
        namespace=meta["namespace"],
        content_type=JSON_PATCH,
        field_manager=MANAGER,
    )


@pytest.mark.parametrize("api_version", [ALPHA, BETA])
async def test_what_we_stop_saying_goes_in_each_version(
    cluster: Cluster, real_namespace: str, api_version: str
) -> None:
    await install(cluster, definition(stored=api_version))
    live = await made(cluster, api_version, real_namespace)
    assert ours(live) == [("Apply", api_version)]
    assert "pool" in str(live["spec"])

    after = await cluster.apply(
        KINDS[api_version], graph(api_version, real_namespace), field_manager=MANAGER, strict=True
    )

    assert "pool" not in str(after["spec"])
    assert after["metadata"]["uid"] == live["metadata"]["uid"]


async def test_an_object_whose_version_is_gone_is_ours_in_the_next(
    cluster: Cluster, real_namespace: str
) -> None:
    await install(cluster, definition(stored=ALPHA))
    before = await made(cluster, ALPHA, real_namespace)
    await install(cluster, definition(stored=BETA, served=(BETA,)), served=(BETA,))
    wanted = graph(BETA, real_namespace, nodeSelector={"pool": "gpu"})

    live = await cluster.get(KINDS[BETA], before["metadata"]["name"], namespace=real_namespace)
    changed = changed_fields(live, wanted, field_manager=MANAGER)
    await take_over(cluster, KINDS[BETA], live)
    applied = await cluster.apply(KINDS[BETA], wanted, field_manager=MANAGER, strict=True)
    after = await cluster.apply(KINDS[BETA], graph(BETA, real_namespace), field_manager=MANAGER, strict=True)

    assert not [path for path in changed if path.startswith("spec.services")], "they are of the other version"
    assert applied["metadata"]["uid"] == before["metadata"]["uid"]
    assert [entry["name"] for entry in applied["spec"]["components"]] == ["Frontend", "VllmWorker"]
    assert "services" not in applied["spec"]
    assert ours(after) == [("Apply", BETA)]
    assert "pool" not in str(after["spec"])
