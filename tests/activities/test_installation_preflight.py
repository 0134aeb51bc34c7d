"""Looking before anything is written: what has to be done, and what must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airunway.api.chart_release import ChartAction
from airunway.clients.access_review import REVIEWS
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIGS, CRDS, Cluster, Kind, Object
from airunway.messages.installation import Operation
from kube_emulator import EmulatedCluster
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import PROVIDER, RELEASE, SYSTEM, Site, failure, operator, package


async def test_a_provider_that_is_not_registered_is_refused(site: Site) -> None:
    await site.cluster.delete(CONFIGS, PROVIDER)

    err = await failure(site.preflight())

    assert (err.type, err.non_retryable) == ("NotRegistered", True)


async def test_a_provider_that_needs_no_operator_is_refused(site: Site) -> None:
    del site.installations[PROVIDER]
    site.packages[PROVIDER] = package(engines=[{"name": "vllm", "requiresCRD": False}])

    assert (await failure(site.preflight())).type == "NotInstallable"


async def test_a_config_that_asks_for_harm_is_refused(site: Site) -> None:
    await site.register(chart="/etc/passwd")

    err = await failure(site.preflight())

    assert err.type == "BadInstallation"
    assert "/etc/passwd" in err.message


async def test_a_password_in_an_address_is_not_shown(site: Site) -> None:
    await site.register(chart="https://me:hunter2@charts.acme.dev/op-1.0.0.tgz")

    err = await failure(site.preflight())

    assert err.type == "BadInstallation"
    assert "charts.acme.dev" in err.message
    assert "hunter2" not in err.message


async def test_a_secret_among_the_configs_values_is_not_shown(site: Site) -> None:
    await site.register(values={"hub.token": "hunter2", "replicas": 2})

    answer = await site.preflight(with_diff=True)

    assert "hunter2" not in answer.model_dump_json()
    assert "replicas=2" in answer.commands[-1]


async def test_nothing_there_means_install(site: Site) -> None:
    answer = await site.preflight()

    (view,) = answer.charts
    assert view.action is ChartAction.INSTALL
    assert answer.state == "NotInstalled"
    assert [step.step for step in answer.steps] == ["repo-add-acme", "repo-update"]
    assert "upgrade_or_install" not in site.helm.log


async def test_what_is_as_wanted_is_left_alone_without_starting_helm(site: Site) -> None:
    await site.installed()
    site.helm.log.clear()

    answer = await site.preflight()

    assert answer.charts[0].action is ChartAction.NONE
    assert answer.installed
    assert site.helm.log == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "1.1.0"}, "version 1.0.0 is installed, 1.1.0 is wanted"),
        ({"values": {"a.b": 2}}, "it was installed with other values"),
    ],
)
async def test_another_version_or_other_values_mean_upgrade(
    site: Site, change: dict[str, Any], reason: str
) -> None:
    await site.installed()
    await site.register(**change)

    (view,) = (await site.preflight()).charts

    assert (view.action, view.reason) == (ChartAction.UPGRADE, reason)
    assert (view.installed_version, view.status, view.revision) == ("1.0.0", "deployed", 1)


@pytest.mark.parametrize("version", ["", "1", "~1.0", "*", "latest"])
async def test_a_floating_version_is_refused(site: Site, version: str) -> None:
    await site.register(version=version)

    err = await failure(site.preflight())

    assert err.type == "BadInstallation"
    assert "neither a whole version nor a digest" in err.message


async def test_values_of_a_person_count_as_well_and_are_not_shown(site: Site) -> None:
    await site.installed()
    await site.keep_values("a: {token: hush-hush}")

    answer = await site.preflight(with_diff=True)

    assert answer.charts[0].action is ChartAction.UPGRADE
    assert "hush" not in answer.model_dump_json()
    # The commands by hand would install something else without them.
    assert f"Secret {SYSTEM}/airunway-values-{PROVIDER}" in answer.commands[-1]


async def test_values_that_are_no_yaml_are_refused_without_quoting_them(site: Site) -> None:
    await site.keep_values("hush: [hush")

    err = await failure(site.preflight())

    assert err.type == "BadInstallation"
    assert "hush" not in str(err)


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "failed"])
async def test_a_release_that_is_half_way_means_repair(site: Site, status: str) -> None:
    await site.namespace(RELEASE[1])
    await site.helm.record(*RELEASE, 1, status, FakeChart())

    assert (await site.preflight()).charts[0].action is ChartAction.REPAIR


async def test_a_release_whose_objects_are_gone_is_reinstalled(site: Site) -> None:
    await site.installed()
    await site.cluster.delete(APPS_DEPLOYMENTS, "acme-op", namespace=RELEASE[1])
    await site.cluster.delete(CRDS, "tools.acme.dev")

    assert (await site.preflight()).charts[0].action is ChartAction.REINSTALL


@pytest.mark.parametrize("health", [{}, {"crds": ["tools.acme.dev"]}])
async def test_what_no_probe_looks_at_counts_as_there(site: Site, health: dict[str, Any]) -> None:
    await site.register(health=health)
    await site.install()

    assert (await site.preflight()).charts[0].action is ChartAction.NONE


async def test_an_upgrade_needs_something_to_upgrade(site: Site) -> None:
    err = await failure(site.preflight(Operation.UPGRADE))

    assert err.type == "NotInstalled"
    assert "airunway providers install acme" in err.message


async def test_what_an_upgrade_changes_is_shown(site: Site) -> None:
    await site.installed()
    changed = operator()
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "acme/op:2"
    site.helm.charts["acme/op"] = FakeChart("1.1.0", objects=[changed])
    await site.register(version="1.1.0")

    diff = "\n".join((await site.preflight(Operation.UPGRADE, with_diff=True)).diff)

    assert "-      - image: acme/op:1" in diff
    assert "+      - image: acme/op:2" in diff


# -- rights, charts, GPUs --------------------------------------------------------------------------------


class Strict(Cluster):
    """An account that may not touch Deployments."""

    async def create(self, kind: Kind, body: Object, **more: Any) -> Object:
        if kind == REVIEWS:
            wanted = body["spec"]["resourceAttributes"]
            allowed = "*" not in wanted.values() and wanted["resource"] != "deployments"
            return {"status": {"allowed": allowed}}
        return await super().create(kind, body, **more)


async def test_missing_rights_are_found_before_anything_is_written(site: Site, tmp_path: Path) -> None:
    async with await Strict.connect(tmp_path / "kubeconfig") as cluster:
        strict = Site(cluster, installations=site.installations)
        strict.helm.charts = site.helm.charts

        err = await failure(strict.preflight())

    assert (err.type, err.non_retryable) == ("MissingRights", True)
    assert "create deployments.apps in acme-system" in err.message
    assert "deploy/installer" in err.message


async def test_a_chart_that_is_not_there_is_found_before_anything_is_written(site: Site) -> None:
    site.helm.charts.clear()

    err = await failure(site.preflight())

    assert (err.type, err.non_retryable) == ("ChartNotFound", True)


async def test_a_cluster_without_gpus_is_warned_of(site: Site) -> None:
    await site.register(engines=[{"name": "vllm", "gpuSupport": True}])

    assert any("nvidia.com/gpu" in warning for warning in (await site.preflight()).warnings)


# -- uninstall ---------------------------------------------------------------------------------------------


async def test_an_unreachable_cluster_is_tried_again(site: Site, tmp_path: Path) -> None:
    async with EmulatedCluster() as gone:
        kubeconfig = gone.kubeconfig(tmp_path / "gone")
    async with await Cluster.connect(kubeconfig) as cluster:
        err = await failure(Site(cluster).preflight())

    assert (err.type, err.non_retryable) == ("Unreachable", False)
