"""Helm's records, read without Helm; what Helm itself writes is read in tests/clients/helm as well."""

from __future__ import annotations

import base64
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api.chart_release import ChartRelease
from airunway.clients.helm import Helm
from airunway.clients.helm.errors import UnreadableRecord
from airunway.clients.helm.records import (
    MAX_RECORD_BYTES,
    has_deployed_revision,
    keep_on_uninstall,
    latest_record,
)
from airunway.clients.kubernetes import CRDS, NAMESPACES, SECRETS, Cluster
from kube_emulator import EmulatedCluster
from tests.clients.helm.charts import copy_chart

SPACE = "shop"


@pytest_asyncio.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    async with EmulatedCluster() as emulated:
        yield emulated.kubeconfig(tmp_path / "kubeconfig")


@pytest_asyncio.fixture
async def cluster(kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(kubeconfig) as connected:
        await connected.create(NAMESPACES, {"metadata": {"name": SPACE}})
        yield connected


@pytest.fixture
def helm(kubeconfig: Path) -> Helm:
    return Helm(kubeconfig=kubeconfig)


def release(chart: Path, **values: object) -> ChartRelease:
    return ChartRelease(release="web", namespace=SPACE, chart=str(chart), values=values)


async def test_what_helm_wrote_is_read(cluster: Cluster, helm: Helm, tmp_path: Path) -> None:
    chart = copy_chart("settings", tmp_path)
    assert await latest_record(cluster, "web", namespace=SPACE) is None
    await helm.upgrade_or_install(release(chart), wait=False)
    await helm.upgrade_or_install(release(chart, greeting="hi"), wait=False)

    record = await latest_record(cluster, "web", namespace=SPACE)

    assert record is not None
    known = await helm.get("web", SPACE)
    assert known is not None
    assert (record.name, record.namespace, record.revision) == ("web", SPACE, 2)
    assert (record.status, record.chart_name, record.chart_version) == (
        known.status,
        known.chart_name,
        known.chart_version,
    )
    assert record.values == {"greeting": "hi"}
    assert record.updated is not None
    assert [entry["kind"] for entry in record.read_documents()] == ["ConfigMap"]
    assert await has_deployed_revision(cluster, "web", namespace=SPACE)


async def test_an_uninstall_leaves_what_is_marked_in_the_record(
    cluster: Cluster, helm: Helm, tmp_path: Path
) -> None:
    chart = copy_chart("templated-crds", tmp_path, group="kept.example.test")
    await helm.upgrade_or_install(release(chart), wait=False)

    kept = await keep_on_uninstall(cluster, "web", namespace=SPACE, kind="CustomResourceDefinition")
    await helm.uninstall("web", SPACE)

    assert sorted(kept) == ["machines.kept.example.test", "tools.kept.example.test"]
    assert await cluster.find(CRDS, "machines.kept.example.test")
    assert await latest_record(cluster, "web", namespace=SPACE) is None
    # And the next installation takes them over.
    await helm.upgrade_or_install(release(chart), wait=False)


async def test_a_secret_that_is_no_record_is_refused(cluster: Cluster) -> None:
    secret = {
        "metadata": {"name": "sh.helm.release.v1.web.v1", "labels": {"owner": "helm", "name": "web"}},
        "data": {"release": base64.b64encode(base64.b64encode(b"\x1f\x8bnonsense")).decode()},
    }
    await cluster.create(SECRETS, secret, namespace=SPACE)

    with pytest.raises(UnreadableRecord, match=r"sh\.helm\.release\.v1\.web\.v1"):
        await latest_record(cluster, "web", namespace=SPACE)


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(b" " * (MAX_RECORD_BYTES + 1)), id="more than a record has"),
        pytest.param(gzip.compress(b"[" * 100_000), id="deep"),
        pytest.param(gzip.compress(b"{}")[:-4], id="cut off"),
    ],
)
async def test_a_record_that_stands_for_more_than_it_is_is_not_unpacked(
    cluster: Cluster, packed: bytes
) -> None:
    secret = {
        "metadata": {"name": "sh.helm.release.v1.web.v1", "labels": {"owner": "helm", "name": "web"}},
        "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
    }
    await cluster.create(SECRETS, secret, namespace=SPACE)

    with pytest.raises(UnreadableRecord):
        await latest_record(cluster, "web", namespace=SPACE)
