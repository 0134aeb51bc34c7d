"""`airunway doctor`: what each check says, and that none hides what another finds."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from temporalio.worker import Worker

from airunway.api import names
from airunway.api.crd import model_deployment_crd
from airunway.cli.doctor import cluster as cluster_checks
from airunway.cli.doctor import controllers, images, providers, temporal
from airunway.cli.doctor.examination import Check, examine
from airunway.cli.doctor.findings import DoctorFinding, DoctorVerdict, ok, worst
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.doctor.report import CHECKS, report
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import RUNNING_FILE, Where
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    CRDS,
    LEASES,
    NAMESPACES,
    Cluster,
    Object,
)
from airunway.workers.settings import Settings
from airunway.workers.worker_version import is_too_old_for_versions
from tests.cli.conftest import Airunway
from tests.cli.fake_deployment import FakeDeployment
from tests.cli.temporal_place import CLUSTER
from tests.cli.temporal_place import place as servers
from tests.clusters import emulated_cluster
from tests.deploy.manifests import ROOT


@pytest_asyncio.fixture
async def place(tmp_path: Path, closed_port: int) -> AsyncIterator[DoctorPlace]:
    """A cluster, and a Temporal that is not there."""
    async with emulated_cluster(tmp_path, own_crds=True) as cluster:
        await cluster.create(NAMESPACES, {"metadata": {"name": names.SYSTEM_NAMESPACE}})
        settings = Settings(kubeconfig=tmp_path / "kubeconfig", cluster=CLUSTER)
        found = DoctorPlace(settings.model_copy(update={"temporal_address": f"127.0.0.1:{closed_port}"}))
        yield found
        await found.close()


@pytest_asyncio.fixture
async def with_temporal(tmp_path: Path) -> AsyncIterator[DoctorPlace]:
    """A cluster with a Temporal that has none of our search attributes."""
    async with servers(tmp_path, search_attributes=False) as running:
        address = running.client.service_client.config.target_host
        settings = Settings(kubeconfig=running.kubeconfig, cluster=CLUSTER)
        found = DoctorPlace(settings.model_copy(update={"temporal_address": address}))
        yield found
        await found.close()


def only(found: list[DoctorFinding]) -> DoctorFinding:
    (one,) = found
    return one


def deployment(name: str, *words: str, replicas: int = 1) -> Object:
    labels = {"app": name}
    container = {"name": "manager", "image": "example.com/i:1", "command": list(words)}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def found_by(
    checks: dict[str, Check], where: DoctorPlace, *, seconds: float = 60
) -> list[DoctorFinding]:
    return [finding async for finding in examine(where, checks, seconds=seconds)]


async def test_a_check_that_hangs_or_breaks_hides_nothing(tmp_path: Path) -> None:
    async def hangs(_: DoctorPlace) -> list[DoctorFinding]:
        await asyncio.Event().wait()
        return []

    async def breaks(_: DoctorPlace) -> list[DoctorFinding]:
        raise KeyError("a bug")

    async def fine(_: DoctorPlace) -> list[DoctorFinding]:
        return [ok("third", "fine")]

    found = await found_by(
        {"first": hangs, "second": breaks, "third": fine}, DoctorPlace(Settings()), seconds=0.2
    )

    assert [(entry.check, entry.verdict) for entry in found] == [
        ("first", DoctorVerdict.FAIL),
        ("second", DoctorVerdict.FAIL),
        ("third", DoctorVerdict.OK),
    ]
    assert "no answer within 0.2 s" in found[0].message
    assert worst(found) is DoctorVerdict.FAIL


async def test_where_nobody_answers_each_check_says_so_once(
    tmp_path: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", f"127.0.0.1:{closed_port}")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{closed_port}"}}}}]
users: [{{name: u, user: {{}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
"""
    )

    fine = await report(Where(kubeconfig), form=OutputFormat.JSON, seconds=60)

    assert not fine
    said = json.loads(capsys.readouterr().out)
    by_check = {entry["check"]: entry for entry in said["findings"]}
    assert set(by_check) == set(CHECKS)
    assert said["verdict"] == "fail"
    assert by_check["cluster"]["verdict"] == by_check["temporal"]["verdict"] == "fail"
    assert by_check["crds"]["message"] == "not checked: the cluster cannot be reached"
    assert by_check["worker"]["message"] == "not checked: Temporal cannot be reached"
    assert by_check["helm"]["message"], "it needs neither"
    assert all(entry.get("advice") for entry in by_check.values() if entry["verdict"] != "ok")


async def test_temporal_and_a_worker_that_is_seen_by_its_polls(with_temporal: DoctorPlace) -> None:
    assert only(await temporal.reachable(with_temporal)).verdict is DoctorVerdict.OK
    assert only(await temporal.rights(with_temporal)).verdict is DoctorVerdict.OK

    attributes = only(await temporal.search_attributes(with_temporal))
    assert attributes.verdict is DoctorVerdict.WARN
    assert "temporal operator search-attribute create" in attributes.advice

    kept = only(await temporal.retention(with_temporal))
    assert kept.verdict is DoctorVerdict.WARN, "the development server keeps them for a day"
    assert "kept for 1 day;" in kept.message

    missing = only(await temporal.workers(with_temporal))
    client = await with_temporal.temporal()
    async with Worker(client, task_queue=names.core_task_queue(CLUSTER), workflows=[FakeDeployment]):
        async with asyncio.timeout(90):
            while only(await temporal.workers(with_temporal)).verdict is not DoctorVerdict.OK:
                await asyncio.sleep(0.1)

    assert missing.verdict is DoctorVerdict.FAIL
    assert "nobody polls airunway.here" in missing.message


class _Old:
    """A cluster that says this version of itself."""

    host = "https://cluster"

    def __init__(self, version: str) -> None:
        self.discovery, self._version = self, version

    async def server_version(self) -> str:
        return self._version


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("v1.29.9", DoctorVerdict.FAIL), ("v1.30.0-eks-1", DoctorVerdict.OK), ("main", DoctorVerdict.OK)],
)
async def test_an_old_cluster_is_to_be_upgraded_as_the_chart_demands(
    place: DoctorPlace, monkeypatch: pytest.MonkeyPatch, version: str, verdict: DoctorVerdict
) -> None:
    async def old() -> _Old:
        return _Old(version)

    monkeypatch.setattr(place, "cluster_or_why", old)

    finding = only(await cluster_checks.reachable(place))

    assert finding.verdict is verdict
    if verdict is DoctorVerdict.FAIL:
        assert finding.advice == "upgrade the cluster: this system wants Kubernetes 1.30 or newer"
    chart = yaml.safe_load((ROOT / "deploy/charts/airunway/Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">=1.{cluster_checks.OLDEST_MINOR}.0-0"


@pytest.mark.parametrize(
    ("server", "too_old"), [("1.29.4", True), ("1.30.0", False), ("2.0.1", False), ("", False)]
)
def test_a_temporal_before_1_30_knows_no_worker_versions(server: str, too_old: bool) -> None:
    assert is_too_old_for_versions(server) is too_old


async def test_the_kinds(place: DoctorPlace) -> None:
    cluster = await place.cluster()

    assert {entry.verdict for entry in await cluster_checks.definitions(place)} == {DoctorVerdict.OK}

    older = model_deployment_crd()
    spec = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["scaling"]
    await cluster.apply(CRDS, older, field_manager="airunway")
    lacking = {entry.check: entry for entry in await cluster_checks.definitions(place)}
    finding = lacking[f"CRD {older['metadata']['name']}"]
    assert (finding.verdict, finding.advice) == (
        DoctorVerdict.WARN,
        "bring it up to date: airunway crds --apply",
    )
    assert "spec.scaling" in finding.message


async def test_both_systems_at_work_is_a_failure(place: DoctorPlace) -> None:
    cluster = await place.cluster()
    where = {"namespace": names.SYSTEM_NAMESPACE}
    assert only(await controllers.former(place)).verdict is DoctorVerdict.OK

    await cluster.create(APPS_DEPLOYMENTS, deployment("airunway-controller-manager", "/manager"), **where)
    await cluster.create(APPS_DEPLOYMENTS, deployment("airunway-kaito-provider", "/provider"), **where)
    alone = only(await controllers.former(place))
    await cluster.create(APPS_DEPLOYMENTS, deployment("airunway-worker", "airunway", "worker"), **where)
    # A provider's Deployment may be of either; this one is ours.
    await cluster.create(
        APPS_DEPLOYMENTS, deployment("airunway-vllm-provider", "/usr/bin/airunway", "worker"), **where
    )
    both = only(await controllers.former(place))

    assert alone.verdict is DoctorVerdict.WARN
    assert both.verdict is DoctorVerdict.FAIL
    assert "airunway-controller-manager, airunway-kaito-provider run beside this system" in both.message


async def test_a_watcher_that_fell_silent(place: DoctorPlace) -> None:
    cluster = await place.cluster()
    assert only(await controllers.watcher(place)).verdict is DoctorVerdict.FAIL

    lease = {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {"name": names.WATCHER_LEASE, "namespace": names.SYSTEM_NAMESPACE},
        "spec": {
            "holderIdentity": "pod\x1b[2J",
            "leaseDurationSeconds": 15,
            "renewTime": "2026-01-05T09:00:00.000000Z",
        },
    }
    await cluster.apply(LEASES, lease, field_manager="test")

    finding = only(await controllers.watcher(place))
    assert finding.verdict is DoctorVerdict.FAIL
    assert "last renewed its Lease" in finding.message


async def test_the_clock_and_the_rights(place: DoctorPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(await cluster_checks.clock(place)).verdict is DoctorVerdict.OK
    assert only(await cluster_checks.rights(place)).verdict is DoctorVerdict.OK

    from datetime import UTC, datetime

    async def ahead(_: Cluster) -> datetime:
        return datetime(2100, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(Cluster, "server_time", ahead)
    finding = only(await cluster_checks.clock(place))
    assert finding.verdict is DoctorVerdict.WARN
    assert "differs from the API server's by" in finding.message


async def test_one_provider_that_cannot_be_read_hides_none_of_the_others(place: DoctorPlace) -> None:
    cluster = await place.cluster()
    for name in ("kaito", "vllm"):
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.CONFIG_KIND,
            "metadata": {"name": name},
            "spec": {},
        }
        await cluster.create(CONFIGS, body)

    found = await providers.registered(place)

    assert [entry.check for entry in found] == ["provider kaito", "provider vllm"]
    assert all(entry.verdict is not DoctorVerdict.OK for entry in found)


async def test_the_sandbox_has_a_registry_and_a_builder_of_its_own(
    place: DoctorPlace, tmp_path: Path
) -> None:
    in_a_cluster = [only(await check(place)).message for check in (images.registry, images.builder)]
    about = {"pid": os.getpid(), "kubeconfig": str(tmp_path / "kubeconfig")}
    (tmp_path / RUNNING_FILE).write_text(json.dumps(about))

    in_the_sandbox = [only(await check(place)) for check in (images.registry, images.builder)]

    assert all("not there yet" in message for message in in_a_cluster)
    assert {finding.verdict for finding in in_the_sandbox} == {DoctorVerdict.OK}
    assert all("the sandbox's own" in finding.message for finding in in_the_sandbox)


def test_the_exit_status_is_for_scripts(airunway: Airunway) -> None:
    assert airunway("doctor", "--kubeconfig", "/nowhere").status == 1
