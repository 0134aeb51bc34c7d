"""The real API server tells which KAITO it has, by the fields of its Workspaces."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from airunway.activities.upstream.served_api import ServedApis
from airunway.clients.errors import NotFound, ServerError
from airunway.clients.kubernetes import CRDS, Cluster, Object
from airunway.provider import RenderContext
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from airunway.providers.kaito.presets import PARTITION
from tests.deploy.manifests import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

FOLDER = Path(os.environ.get("AIRUNWAY_UPSTREAM_CRDS", ROOT.parent / "shared" / "upstream-crds"))
NAME = "workspaces.kaito.sh"
MAIN = PROVIDER.kinds[0]


def definition(version: str) -> Object:
    file = FOLDER / f"kaito-{version}" / "kaito.sh_workspaces.yaml"
    if not file.exists():
        pytest.skip(f"{file} is not there; set AIRUNWAY_UPSTREAM_CRDS to the folder of KAITO's definitions")
    return dict(yaml.safe_load(file.read_text()))


@pytest_asyncio.fixture
async def cluster(real_kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_kubeconfig) as connected:
        await without(connected)
        yield connected
        await without(connected)


async def without(cluster: Cluster) -> None:
    with suppress(NotFound):
        await cluster.delete(CRDS, NAME)
    async with asyncio.timeout(120):
        while await cluster.find(CRDS, NAME) or await published(cluster, "resource") is not False:
            await asyncio.sleep(0.2)


async def published(cluster: Cluster, field: str) -> bool | None:
    """Whether the server's schema has it; None: it is just being made (an empty answer)."""
    try:
        return bool(await cluster.discovery.served_fields(MAIN.api_version, MAIN.kind, [field]))
    except ServerError:
        return None


@pytest.mark.parametrize(("version", "served"), [("0.10.0", set()), ("0.12.0", {PARTITION})])
async def test_the_cluster_says_which_kaito_it_has(cluster: Cluster, version: str, served: set[str]) -> None:
    await cluster.create(CRDS, definition(version))
    async with asyncio.timeout(120):
        while not await published(cluster, "resource"):
            await asyncio.sleep(0.2)  # the server publishes its schemas a moment later

    found = await ServedApis(cluster).of(PROVIDER)

    assert found.fields == served


@pytest.mark.parametrize("version", ["0.10.0", "0.12.0"])
async def test_what_is_rendered_for_it_is_taken_without_a_warning(cluster: Cluster, version: str) -> None:
    await cluster.create(CRDS, definition(version))
    async with asyncio.timeout(120):
        while not await published(cluster, "resource"):
            await asyncio.sleep(0.2)
    served = await ServedApis(cluster).of(PROVIDER)
    context = RenderContext(served_fields=served.fields)
    given = deployment(model={"id": "microsoft/phi-4"}, secrets={"huggingFaceToken": "hub"})
    (workspace,) = PROVIDER.render(given, context)
    meta = {**workspace["metadata"], "namespace": "default"}
    warnings: list[str] = []

    made = await cluster.create(
        MAIN, {**workspace, "metadata": meta}, namespace="default", dry_run=True, warnings=warnings
    )

    assert warnings == []
    assert made["inference"]["preset"]["name"] == "microsoft/phi-4"
