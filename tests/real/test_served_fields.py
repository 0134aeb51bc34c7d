"""The real API server tells which version of an operator's kinds it has, by their fields."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from airunway.activities.upstream.served_fields import ServedFields
from airunway.clients.errors import NotFound, ServerError
from airunway.clients.kubernetes import CRDS, Cluster, Object
from airunway.providers.kuberay import PROVIDER
from tests.deploy.manifests import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

FOLDER = Path(os.environ.get("AIRUNWAY_UPSTREAM_CRDS", ROOT.parent / "shared" / "upstream-crds"))
NAME = "rayservices.ray.io"


def definition(version: str) -> Object:
    file = FOLDER / f"kuberay-{version}" / "ray.io_rayservices.yaml"
    if not file.exists():
        pytest.skip(f"{file} is not there; set AIRUNWAY_UPSTREAM_CRDS to the folder of KubeRay's definitions")
    return dict(yaml.safe_load(file.read_text()))


@pytest_asyncio.fixture
async def cluster(real_kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_kubeconfig) as connected:
        yield connected
        with suppress(NotFound):
            await connected.delete(CRDS, NAME)


async def published(cluster: Cluster, fields: list[str]) -> set[str] | None:
    """Which of them the server's schema has; None: it is just being made (an empty answer)."""
    main = PROVIDER.kinds[0]
    try:
        return set(await cluster.discovery.served_fields(main.api_version, main.kind, fields))
    except ServerError:
        return None


@pytest.mark.parametrize(("version", "known"), [("1.3.0", False), ("1.7.0", True)])
async def test_the_cluster_says_whether_its_kuberay_knows_of_tokens(
    cluster: Cluster, version: str, known: bool
) -> None:
    wanted = definition(version)
    with suppress(NotFound):
        await cluster.delete(CRDS, NAME)
    async with asyncio.timeout(120):
        while await cluster.find(CRDS, NAME):
            await asyncio.sleep(0.2)
        while await published(cluster, ["spec"]) != set():
            await asyncio.sleep(0.2)  # those of an earlier definition
        assert await ServedFields(cluster).of(PROVIDER) == frozenset()
        await cluster.create(CRDS, wanted)
        while not await published(cluster, ["spec.rayClusterConfig"]):
            await asyncio.sleep(0.2)  # the server publishes its schemas a moment later

    found = await ServedFields(cluster).of(PROVIDER)

    assert found == (set(PROVIDER.optional_fields) if known else set())
