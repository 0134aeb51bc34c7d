"""Releases that do not come to be: each failure is an error that says what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.api.chart_release import ChartRelease
from airunway.clients.helm import (
    ChartInvalid,
    ClusterUnavailable,
    Helm,
    HelmError,
    HelmForbidden,
    OwnershipConflict,
    ReleaseFailed,
    ReleaseNotFound,
    ValuesInvalid,
)
from kube_emulator.envtest.ports import free_port
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.conftest import adapter, release


async def refused(helm: Helm, chart: ChartRelease, *, atomic: bool = True) -> HelmError:
    with pytest.raises(HelmError) as caught:
        await helm.upgrade_or_install(chart, atomic=atomic)
    assert f"release {chart.release} in namespace {chart.namespace}" in str(caught.value)
    return caught.value


async def test_a_chart_that_does_not_render_is_final(helm: Helm, space: str, tmp_path: Path) -> None:
    err = await refused(helm, release(copy_chart("broken", tmp_path), space))

    assert type(err) is ChartInvalid and not err.retryable
    assert "name is needed" in str(err)


async def test_a_chart_that_renders_nonsense_is_final(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("broken", tmp_path)

    err = await refused(helm, release(chart, space, values={"name": "x", "data": "- a\n: b"}))

    assert type(err) is ChartInvalid


async def test_a_missing_sub_chart_is_final(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)
    (chart / "charts").rename(tmp_path / "elsewhere")

    err = await refused(helm, release(chart, space))

    assert type(err) is ChartInvalid and "probe" in str(err)


async def test_values_against_the_schema_name_the_path(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)

    err = await refused(helm, release(chart, space, values={"replicas": "two", "apiToken": 5}))

    assert isinstance(err, ValuesInvalid) and not err.retryable
    assert sorted(err.paths) == ["/apiToken", "/replicas"]
    assert "/replicas" in str(err)
    assert await helm.get("web", space) is None


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data or {},
    }


async def test_an_object_of_others_is_named(helm: Helm, api: Api, space: str, settings: Path) -> None:
    await api.create(f"/api/v1/namespaces/{space}/configmaps", config_map("web-settings"))

    err = await refused(helm, release(settings, space))

    assert isinstance(err, OwnershipConflict) and not err.retryable
    assert (err.kind, err.name, err.namespace) == ("ConfigMap", "web-settings", space)
    assert await helm.get("web", space) is None


async def test_an_object_of_another_release_is_named_with_it(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    owned = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "older", "meta.helm.sh/release-namespace": space},
    }
    await api.create(f"/api/v1/namespaces/{space}/configmaps", config_map("web-settings", **owned))

    err = await refused(helm, release(settings, space))

    assert isinstance(err, OwnershipConflict) and err.owner == "older"


async def test_a_field_of_another_manager_is_named_with_it(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space))
    path = f"/api/v1/namespaces/{space}/configmaps/web-settings"
    mine = config_map("web-settings", {"mode": "mine"})
    (await api.apply(path, mine, manager="someone", force=True)).ok()

    err = await refused(helm, release(settings, space, values={"mode": "theirs"}))

    assert isinstance(err, OwnershipConflict)
    assert (err.kind, err.name, err.owner) == ("ConfigMap", "web-settings", "someone")


async def test_a_failed_hook_is_named_and_nothing_stays(
    helm: Helm, api: Api, space: str, tmp_path: Path
) -> None:
    pod = f"/api/v1/namespaces/{space}/pods/web-check"
    installing = asyncio.create_task(refused(helm, release(copy_chart("failing-hook", tmp_path), space)))
    await api.until(pod, lambda answer: answer.code == 200)
    failed = {"status": {"phase": "Failed", "message": "the licence is out of date"}}
    (await api.patch(f"{pod}/status", failed)).ok()

    err = await installing

    assert isinstance(err, ReleaseFailed) and not err.retryable
    assert "pre-install hook failed" in str(err) and "web-check" in err.cause
    assert (await api.get(f"/api/v1/namespaces/{space}/configmaps/web-after")).code == 404
    await api.delete(pod)


async def test_what_never_becomes_ready_is_named_and_taken_back(
    helm: Helm, hasty: Helm, api: Api, space: str, tmp_path: Path, group: str
) -> None:
    chart = copy_chart("operator", tmp_path, group=group)

    err = await refused(hasty, release(chart, space, name="op", skip_crds=True))

    assert isinstance(err, ReleaseFailed) and err.rolled_back
    assert f"Deployment/{space}/op not ready" in err.cause
    assert (await api.get(f"/apis/apps/v1/namespaces/{space}/deployments/op")).code == 404
    assert await helm.get("op", space) is None


async def test_a_failed_upgrade_leaves_what_ran(
    helm: Helm, hasty: Helm, api: Api, space: str, tmp_path: Path, settings: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space, values={"mode": "good"}))
    slow = copy_chart("operator", tmp_path)

    err = await refused(hasty, release(slow, space))

    assert isinstance(err, ReleaseFailed) and err.rolled_back
    found = await helm.get("web", space)
    assert found is not None and (found.status, found.chart_name) == ("deployed", "settings")
    data = (await api.get(f"/api/v1/namespaces/{space}/configmaps/web-settings")).ok()["data"]
    assert data["mode"] == "good"


async def test_without_atomic_a_failed_release_stays_to_be_looked_at(
    helm: Helm, hasty: Helm, space: str, tmp_path: Path
) -> None:
    chart = copy_chart("operator", tmp_path)

    err = await refused(hasty, release(chart, space, skip_crds=True), atomic=False)

    assert isinstance(err, ReleaseFailed) and not err.rolled_back
    found = await helm.get("web", space)
    assert found is not None and found.status == "failed"


async def test_an_unknown_release_or_revision(helm: Helm, space: str, settings: Path) -> None:
    with pytest.raises(ReleaseNotFound):
        await helm.rollback("nobody", space, 1)
    await helm.upgrade_or_install(release(settings, space))
    with pytest.raises(ReleaseNotFound):
        await helm.rollback("web", space, 7)


async def test_secrets_stay_out_of_lines_and_errors(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("broken", tmp_path)
    template = chart / "templates" / "config.yaml"
    template.write_text(
        '{{ fail (printf "cannot use %s and %s" .Values.apiToken (b64enc .Values.apiToken)) }}'
    )

    err = await refused(helm, release(chart, space, values={"apiToken": "s3cr3t-token"}))

    assert "[redacted] and [redacted]" in str(err)
    assert "s3cr3t" not in str(err) + err.detail


async def test_an_api_server_that_is_away_is_asked_again(way: str, tmp_path: Path, settings: Path) -> None:
    kubeconfig = tmp_path / "away"
    kubeconfig.write_text(yaml.safe_dump(config_for(f"http://127.0.0.1:{free_port()}")))
    helm = adapter(way, kubeconfig)

    err = await refused(helm, release(settings, "nowhere"))
    with pytest.raises(ClusterUnavailable):
        await helm.get("web", "nowhere")

    assert isinstance(err, ClusterUnavailable) and err.retryable


def config_for(url: str, token: str = "", authority: str = "") -> dict[str, object]:
    cluster = {"server": url} | ({"certificate-authority-data": authority} if authority else {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }


@pytest.mark.real
async def test_a_missing_right_is_named(
    real_kubeconfig: Path, real_namespace: str, way: str, tmp_path: Path, settings: Path
) -> None:
    async with Api(real_kubeconfig) as api:
        accounts = f"/api/v1/namespaces/{real_namespace}/serviceaccounts"
        await api.create(accounts, {"metadata": {"name": "weak"}})
        answer = (await api.create(f"{accounts}/weak/token", {"spec": {}})).ok()
    weak = as_another(real_kubeconfig, answer["status"]["token"], tmp_path / "weak")

    err = await refused(adapter(way, weak), release(settings, real_namespace))

    assert isinstance(err, HelmForbidden) and not err.retryable
    assert "installer RBAC" in str(err) and "secrets" in err.detail


def as_another(kubeconfig: Path, token: str, target: Path) -> Path:
    """A kubeconfig for the same cluster and another account."""
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = cluster.get("certificate-authority-data", "")
    target.write_text(yaml.safe_dump(config_for(cluster["server"], token, authority)))
    return target
