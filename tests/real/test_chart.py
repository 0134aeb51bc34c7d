"""The chart on a real API server, by the project's own Helm: installed, upgraded, removed, and what stays."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from airunway.api import crd, names
from airunway.api.chart_release import ChartRelease
from airunway.clients.errors import AlreadyExists
from airunway.clients.helm import Helm, ReleaseRecord, ValuesInvalid
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, NAMESPACES, SECRETS, Cluster, Object, Resource
from airunway.web.session_key import session_key
from airunway.workers.settings import Settings
from tests.deploy.chart import PROFILES
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.cluster import why_missing
from tests.servers.fixtures import require
from tools.generate.chart import CHART, ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

NAME, SPACE, TEAM = "airunway", names.SYSTEM_NAMESPACE, "team-a"
DEFINITIONS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles")
WEBHOOKS = Resource("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
WORKLOADS = Resource("apps/v1", "deployments")
JSON_PATCH = "application/json-patch+json"
SETTLED_SECONDS = 120
EVERYTHING: dict[str, Any] = {"installer": {"enabled": True}, "networkPolicies": {"enabled": True}}
WITHOUT_WEBHOOK: dict[str, Any] = {**EVERYTHING, "webhook": {"enabled": False}}
"""Nobody answers for webhooks here: with them no deployment could be created."""
SHARED_KEY = Settings(web_session_key_secret=names.WEB_SESSION_SECRET)


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[RealCluster]:
    require(why_missing())
    with RealCluster() as cluster:
        yield cluster


@pytest.fixture
def helm(own_cluster: RealCluster) -> Helm:
    return Helm(kubeconfig=own_cluster.kubeconfig, timeout=timedelta(seconds=60))


@pytest_asyncio.fixture
async def cluster(own_cluster: RealCluster, helm: Helm) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(own_cluster.kubeconfig) as connected:
        yield connected
        await uninstall(helm, connected)


def previous_chart(folder: Path) -> Path:
    """The chart before the last change of it; without a history that tells, one of another version."""
    here = CHART.relative_to(ROOT)
    commits = _git("log", "-2", "--format=%H", "--", str(here)).split()
    if len(commits) == 2 and (packed := _git_bytes("archive", commits[1], str(here))):
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(folder, filter="data")
        return folder / here
    target = folder / "airunway"
    shutil.copytree(CHART, target)
    about = target / "Chart.yaml"
    about.write_text(about.read_text().replace("version: 0", "version: 0.0.1-before.0", 1))
    return target


def _git(*words: str) -> str:
    return _git_bytes(*words).decode()


def _git_bytes(*words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


async def install(helm: Helm, chart: Path, values: Mapping[str, Any]) -> ReleaseRecord:
    wanted = ChartRelease(
        release=NAME, namespace=SPACE, chart=str(chart), create_namespace=True, values=dict(values)
    )
    return await helm.upgrade_or_install(wanted, wait=False, atomic=False)


async def uninstall(helm: Helm, cluster: Cluster) -> None:
    """Until the namespaces of the release are gone: nothing can be made in one that ends."""
    await helm.uninstall(NAME, SPACE, wait=False)
    async with asyncio.timeout(SETTLED_SECONDS):
        for namespace in (names.BUILDER_NAMESPACE, names.INSTALLER_NAMESPACE):
            while await cluster.find(NAMESPACES, namespace) is not None:
                await asyncio.sleep(0.2)


async def given_a_deployment(cluster: Cluster) -> Object:
    with suppress(AlreadyExists):
        await cluster.create(NAMESPACES, {"metadata": {"name": TEAM}})
    await cluster.apply(
        CONFIGS,
        {
            "apiVersion": names.API_VERSION,
            "kind": names.CONFIG_KIND,
            "metadata": {"name": "vllm"},
            "spec": {},
        },
        field_manager="test",
    )
    return await cluster.apply(
        DEPLOYMENTS,
        {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {"name": "chat", "namespace": TEAM},
            "spec": {"model": {"id": "Qwen/Qwen3-0.6B"}},
        },
        field_manager="test",
    )


async def given_what_processes_wrote(cluster: Cluster) -> None:
    """As the replicas of the webhook and the worker write."""
    data = {"data": {"tls.key": "a2V5"}}
    await cluster.patch(SECRETS, names.WEBHOOK_SECRET, data, namespace=SPACE)
    await cluster.patch(SECRETS, names.REGISTRY_LOGIN, data, namespace=SPACE)
    bundle = {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "Y2E="}
    await cluster.patch(WEBHOOKS, names.MUTATING_CONFIGURATION, [bundle], content_type=JSON_PATCH)


async def until_role_is_summed_up(cluster: Cluster) -> None:
    """Until the controller manager has put into the watcher's role what the roles for it say by now."""
    async with asyncio.timeout(SETTLED_SECONDS):
        while True:
            role = await cluster.get(CLUSTER_ROLES, "airunway-watcher-role")
            parts = await cluster.listing(
                CLUSTER_ROLES, label_selector="airunway.ai/aggregate-to-watcher=true"
            )
            wanted = [rule for part in parts.items for rule in part["rules"]]
            if wanted and as_set(role.get("rules") or ()) == as_set(wanted):
                return
            await asyncio.sleep(0.2)


def as_set(rules: Iterable[Object]) -> set[str]:
    return {json.dumps(rule, sort_keys=True) for rule in rules}


def marks(obj: Object) -> str:
    annotations: dict[str, str] = obj["metadata"].get("annotations") or {}
    return annotations.get("meta.helm.sh/release-name", "")


async def test_it_is_installed_upgraded_from_the_chart_before_and_removed(
    helm: Helm, cluster: Cluster, tmp_path: Path
) -> None:
    before = previous_chart(tmp_path)
    first = await install(helm, before, WITHOUT_WEBHOOK)
    deployment = await given_a_deployment(cluster)
    await install(helm, before, EVERYTHING)
    await given_what_processes_wrote(cluster)
    await until_role_is_summed_up(cluster)

    upgraded = await install(helm, CHART, EVERYTHING)

    assert (first.status, upgraded.status, upgraded.revision) == ("deployed", "deployed", 3)
    for name in (names.WEBHOOK_SECRET, names.REGISTRY_LOGIN):
        secret = await cluster.get(SECRETS, name, namespace=SPACE)
        assert secret["data"] == {"tls.key": "a2V5"}, "what a process keeps there outlives an upgrade"
    webhooks = await cluster.get(WEBHOOKS, names.MUTATING_CONFIGURATION)
    assert webhooks["webhooks"][0]["clientConfig"]["caBundle"] == "Y2E="
    await until_role_is_summed_up(cluster)
    for text in crd.manifests().values():
        wanted = yaml.safe_load(text)
        served = await cluster.get(DEFINITIONS, wanted["metadata"]["name"])
        schema = served["spec"]["versions"][0]["schema"]
        assert schema == wanted["spec"]["versions"][0]["schema"], "definitions are upgraded with it"

    await uninstall(helm, cluster)

    left = await cluster.get(DEPLOYMENTS, "chat", namespace=TEAM)
    assert left["metadata"]["uid"] == deployment["metadata"]["uid"]
    assert await cluster.find(CONFIGS, "vllm") is not None
    for namespace in (SPACE, "kaito-workspace", "dynamo-system", "ray-system"):
        assert "deletionTimestamp" not in (await cluster.get(NAMESPACES, namespace))["metadata"]
    assert await cluster.find(WEBHOOKS, names.MUTATING_CONFIGURATION) is None
    assert await cluster.find(WORKLOADS, "airunway-worker", namespace=SPACE) is None
    assert await cluster.find(CLUSTER_ROLES, "airunway-worker-role") is None

    again = await install(helm, CHART, {})

    assert again.status == "deployed", "installed again, it goes on with what it left"


async def test_what_somebody_else_put_there_is_left_as_it_is(helm: Helm, cluster: Cluster) -> None:
    with suppress(AlreadyExists):
        await cluster.create(NAMESPACES, {"metadata": {"name": "kaito-workspace"}})
    for text in crd.manifests().values():
        await cluster.apply(DEFINITIONS, yaml.safe_load(text), field_manager="airunway")
    strange = [(NAMESPACES, "kaito-workspace"), *((DEFINITIONS, name[:-5]) for name in crd.manifests())]
    nobodys = {f"meta.helm.sh/release-{part}": None for part in ("name", "namespace")}
    for kind, name in strange:
        await cluster.patch(kind, name, {"metadata": {"annotations": nobodys}})

    installed = await install(helm, CHART, {})

    assert installed.status == "deployed"
    assert [marks(await cluster.get(kind, name)) for kind, name in strange] == ["", "", ""]
    assert marks(await cluster.get(WORKLOADS, "airunway-worker", namespace=SPACE)) == NAME


async def test_a_misspelt_value_is_refused_before_anything_is_installed(helm: Helm, cluster: Cluster) -> None:
    with pytest.raises(ValuesInvalid) as refused:
        await install(helm, CHART, {"worker": {"replica": 3}})

    assert "'replica' not allowed" in str(refused.value) + refused.value.detail
    assert await helm.get(NAME, SPACE) is None
    assert await cluster.find(WORKLOADS, "airunway-worker", namespace=SPACE) is None


async def test_an_upgrade_keeps_the_key_of_session_cookies(helm: Helm, cluster: Cluster) -> None:
    await install(helm, CHART, WITHOUT_WEBHOOK)
    empty = await cluster.get(SECRETS, names.WEB_SESSION_SECRET, namespace=SPACE)
    key = await session_key(SHARED_KEY, cluster)

    await install(helm, CHART, {**WITHOUT_WEBHOOK, "web": {"replicas": 2}})

    web = await cluster.get(WORKLOADS, "airunway-web", namespace=SPACE)
    assert (web["spec"]["replicas"], empty.get("data")) == (2, None)
    assert key and await session_key(SHARED_KEY, cluster) == key


@pytest.mark.parametrize("profile", PROFILES)
async def test_each_profile_is_taken_by_the_api_server(helm: Helm, cluster: Cluster, profile: str) -> None:
    values = PROFILES[profile]
    for namespace in values.get("chosenNamespaces", []):
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})

    installed = await install(helm, CHART, values)

    assert installed.status == "deployed"
    rendered = {
        (obj["kind"], obj["metadata"]["name"])
        for obj in (await _recorded(helm)).read_documents()
        if obj["kind"] == "Deployment"
    }
    found = await cluster.listing(WORKLOADS, namespace=SPACE)
    assert {("Deployment", obj["metadata"]["name"]) for obj in found.items} >= rendered


async def _recorded(helm: Helm) -> ReleaseRecord:
    found = await helm.get(NAME, SPACE)
    assert found is not None
    return found
