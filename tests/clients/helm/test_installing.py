"""A release comes, changes and goes, from whichever place the chart is at."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from airunway.clients.helm import Helm, OperationInProgress, ReleaseRecord
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.conftest import release
from tests.clients.helm.servers import ChartServer


def config(space: str, name: str = "web-settings") -> str:
    return f"/api/v1/namespaces/{space}/configmaps/{name}"


async def test_a_release_is_installed_upgraded_and_removed(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    first = await helm.upgrade_or_install(release(settings, space, values={"mode": "dark"}))
    assert (first.revision, first.status, first.chart_version, first.app_version) == (
        1,
        "deployed",
        "1.0.0",
        "7",
    )
    assert (await api.get(config(space))).ok()["data"]["mode"] == "dark"

    second = await helm.upgrade_or_install(release(settings, space, values={"greeting": "hello"}))
    assert (second.revision, second.status) == (2, "deployed")
    assert (await api.get(config(space))).ok()["data"] | {"kube": ""} == {
        "mode": "plain",
        "greeting": "hello",
        "password": "",
        "revision": "2",
        "kube": "",
        "has-deployments": "true",
    }

    await helm.uninstall("web", space)
    assert (await api.get(config(space))).code == 404
    assert await helm.get("web", space) is None


async def test_an_upgrade_without_values_forgets_those_before(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space, values={"mode": "dark"}))

    await helm.upgrade_or_install(release(settings, space))

    assert (await api.get(config(space))).ok()["data"]["mode"] == "plain"
    found = await helm.get("web", space)
    assert found is not None and found.values == {}


async def test_a_release_tells_its_values_chart_and_time(helm: Helm, space: str, settings: Path) -> None:
    values = {"mode": "dark", "extra": {"list": [1, {"a": "b"}], "text": "ä: 'x'", "no": False}}
    await helm.upgrade_or_install(release(settings, space, values=values))

    found = await helm.get("web", space)

    assert found is not None
    assert found.values == values
    assert (found.name, found.namespace, found.chart_name) == ("web", space, "settings")
    assert found.updated is not None and found.updated.year >= 2026


async def test_histories_and_listings(helm: Helm, space: str, settings: Path) -> None:
    for mode in ("one", "two"):
        await helm.upgrade_or_install(release(settings, space, values={"mode": mode}))
    await helm.upgrade_or_install(release(settings, space, name="other"))

    history = await helm.history("web", space)
    here = await helm.list(space)
    everywhere = [found for found in await helm.list() if found.namespace == space]

    assert [(entry.revision, entry.status) for entry in history] == [(1, "superseded"), (2, "deployed")]
    assert sorted(map(identity, here)) == [("other", 1, "deployed"), ("web", 2, "deployed")]
    assert sorted(map(identity, everywhere)) == sorted(map(identity, here))
    assert {(found.chart_name, found.chart_version) for found in here} == {("settings", "1.0.0")}
    assert await helm.history("nobody", space) == []


async def test_a_rollback_brings_back_an_earlier_revision(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    for mode in ("one", "two"):
        await helm.upgrade_or_install(release(settings, space, values={"mode": mode}))

    back = await helm.rollback("web", space, 1)

    assert (back.revision, back.status, back.values) == (3, "deployed", {"mode": "one"})
    assert (await api.get(config(space))).ok()["data"]["mode"] == "one"


async def test_removing_twice_is_no_error(helm: Helm, space: str) -> None:
    await helm.uninstall("nobody", space)


async def test_a_kept_history_is_continued(helm: Helm, space: str, settings: Path) -> None:
    await helm.upgrade_or_install(release(settings, space))
    await helm.uninstall("web", space, keep_history=True)
    left = await helm.get("web", space)
    assert left is not None and left.status == "uninstalled"

    again = await helm.upgrade_or_install(release(settings, space))

    assert (again.revision, again.status) == (2, "deployed")


async def test_the_namespace_is_created_when_asked(helm: Helm, api: Api, space: str, settings: Path) -> None:
    wanted = f"{space}-new"

    await helm.upgrade_or_install(release(settings, wanted, create_namespace=True))

    assert (await api.get(config(wanted))).code == 200
    await api.delete(f"/api/v1/namespaces/{wanted}")


@pytest.mark.usefixtures("pods_run")
async def test_an_operator_is_waited_for_and_its_definitions_stay(
    helm: Helm, api: Api, space: str, tmp_path: Path, group: str
) -> None:
    chart = copy_chart("operator", tmp_path, group=group)
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.{group}"

    installed = await helm.upgrade_or_install(release(chart, space, name="op"))

    deployment = (await api.get(f"/apis/apps/v1/namespaces/{space}/deployments/op")).ok()
    assert deployment["status"]["readyReplicas"] == 1
    assert (installed.status, installed.app_version) == ("deployed", "v0.9.1")
    await helm.uninstall("op", space)
    assert (await api.get(crd)).code == 200
    await api.delete(crd)


async def test_definitions_can_be_left_out(
    helm: Helm, api: Api, space: str, tmp_path: Path, group: str
) -> None:
    chart = copy_chart("operator", tmp_path, group=group)

    await helm.upgrade_or_install(release(chart, space, name="op", skip_crds=True), wait=False, atomic=False)

    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.{group}"
    assert (await api.get(crd)).code == 404


async def test_definitions_among_the_templates_go_unless_kept(
    helm: Helm, api: Api, space: str, tmp_path: Path, group: str
) -> None:
    chart = copy_chart("templated-crds", tmp_path, group=group)
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await helm.upgrade_or_install(release(chart, space))

    await helm.uninstall("web", space)

    assert (await api.get(f"{crds}/machines.{group}")).code == 404
    assert (await api.get(f"{crds}/tools.{group}")).code == 200
    await api.delete(f"{crds}/tools.{group}")


async def test_a_chart_is_installed_from_a_repository_and_from_a_registry(
    helm: Helm, space: str, settings: Path, charts: ChartServer
) -> None:
    charts.add(settings)
    classic = release("ours/settings", space, repository_url=charts.repository, version="1.0.0")
    oci = release(f"{charts.registry}/settings", space, version="1.0.0")

    first = await helm.upgrade_or_install(classic)
    second = await helm.upgrade_or_install(oci)

    assert [first.revision, second.revision] == [1, 2]
    assert first.chart_name == second.chart_name == "settings"


async def test_lines_tell_what_happens(helm: Helm, space: str, settings: Path) -> None:
    lines: list[str] = []

    await helm.upgrade_or_install(release(settings, space), on_line=lines.append)

    assert lines[0] == "installing release web"
    assert any("web-settings" in line and "ConfigMap" in line for line in lines)


async def test_nothing_is_left_on_this_disk(
    helm: Helm, space: str, settings: Path, temporary_files: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space))

    assert not any(temporary_files.iterdir())  # noqa: ASYNC240


async def test_nothing_is_written_to_the_home(
    helm: Helm,
    space: str,
    settings: Path,
    charts: ChartServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    charts.add(settings)
    classic = release("ours/settings", space, repository_url=charts.repository, version="1.0.0")

    await helm.upgrade_or_install(classic)
    await helm.list()

    assert not any(home.iterdir())


async def test_two_at_once_make_one_release(helm: Helm, space: str, settings: Path) -> None:
    chart = release(settings, space)

    both = await asyncio.gather(
        helm.upgrade_or_install(chart), helm.upgrade_or_install(chart), return_exceptions=True
    )

    assert any(isinstance(answer, ReleaseRecord) for answer in both)
    assert all(isinstance(answer, ReleaseRecord | OperationInProgress) for answer in both), both
    assert [(found.name, found.status) for found in await helm.list(space)] == [("web", "deployed")]


def identity(found: ReleaseRecord) -> tuple[str, int, str]:
    return found.name, found.revision, found.status
