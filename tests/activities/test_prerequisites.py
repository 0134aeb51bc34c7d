"""Shared prerequisites on a cluster: what is installed, and what is left to others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from airunway.api.chart_release import ChartAction
from airunway.clients.access_review import REVIEWS
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CRDS, Cluster, Kind, Object
from airunway.installation.prerequisites import GATEWAY_CRDS, GPU_OPERATOR, GPU_OPERATOR_VERSION
from airunway.messages.installation import ChartRequest, Operation
from tests.activities.install_site import Site, failure, run
from tests.activities.prerequisite_site import actions, gpu_chart, installed, preflight, request
from tests.releases import API_GROUP, EXTENSION_FILE, POOL_GROUP, definition, gateway_api, publish

GATEWAY, EXTENSION = "gateway-api-crds", "inference-extension-crds"


async def brought_by_others(site: Site, *definitions: Object) -> None:
    for each in definitions:
        await apply_crd(site.cluster, each, field_manager="gke-addon-manager")


async def bundle_version(site: Site, plural: str) -> str:
    live = await site.cluster.get(CRDS, f"{plural}.{API_GROUP}")
    return str(live["metadata"]["annotations"][f"{API_GROUP}/bundle-version"])


# -- Gateway API -----------------------------------------------------------------------------------------


async def test_definitions_are_applied_in_their_order_and_nothing_else_of_their_files(there: Site) -> None:
    planned = await preflight(there, GATEWAY_CRDS.id)

    answers = await installed(there, GATEWAY_CRDS.id)

    assert [chart.action for chart in planned.charts] == [ChartAction.INSTALL] * 2
    assert not planned.installed
    assert [step.step for answer in answers for step in answer.steps] == [GATEWAY, EXTENSION]
    assert "applied 3 of 3 CRDs" in answers[0].steps[0].output
    assert "not taken from the file: ValidatingAdmissionPolicy safe-upgrades" in answers[0].lines
    live = await there.cluster.get(CRDS, f"grpcroutes.{API_GROUP}")
    assert live["metadata"]["labels"] == {"airunway.ai/installed-for": GATEWAY_CRDS.id}
    ready = await run(there.activities.await_operator, request(GATEWAY_CRDS.id))
    assert (ready.installed, ready.message) == (True, "CRDs found")


async def test_what_is_installed_is_not_touched_nor_fetched_again(there: Site, releases: Path) -> None:
    await installed(there, GATEWAY_CRDS.id)
    shutil.rmtree(releases)

    answer = await preflight(there, GATEWAY_CRDS.id)

    assert answer.installed
    assert [chart.action for chart in answer.charts] == [ChartAction.NONE] * 2
    assert [(step.step, step.output) for step in answer.steps] == [
        (GATEWAY, "v1.5.1 is installed"),
        (EXTENSION, "v1.5.0 is installed"),
    ]


async def test_older_ones_that_were_applied_here_are_brought_up_to_date(there: Site) -> None:
    await installed(there, GATEWAY_CRDS.id)
    for plural in ("gateways", "httproutes", "grpcroutes"):
        older = {f"{API_GROUP}/bundle-version": "v1.4.0"}
        patch = {"metadata": {"annotations": older}}
        await there.cluster.patch(CRDS, f"{plural}.{API_GROUP}", patch)

    before = await actions(there, GATEWAY_CRDS.id, Operation.UPGRADE)
    await installed(there, GATEWAY_CRDS.id)

    assert before == {GATEWAY: ChartAction.UPGRADE, EXTENSION: ChartAction.NONE}
    assert await bundle_version(there, "grpcroutes") == "v1.5.1"


@pytest.mark.parametrize("version", ["v1.6.0", "v1.2.1"])
async def test_those_of_a_managed_cluster_are_used_as_they_are(there: Site, version: str) -> None:
    await brought_by_others(there, *gateway_api(version, plurals=("gateways", "httproutes")))

    planned = await preflight(there, GATEWAY_CRDS.id)
    answers = await installed(there, GATEWAY_CRDS.id)
    refused = await failure(preflight(there, GATEWAY_CRDS.id, Operation.UPGRADE))

    assert planned.charts[0].action is ChartAction.EXTERNALLY_MANAGED
    assert planned.charts[0].reason == f"{version} of gke-addon-manager is there, and is used as it is"
    assert [step.step for answer in answers for step in answer.steps] == [EXTENSION]
    assert await bundle_version(there, "gateways") == version
    assert (await preflight(there, GATEWAY_CRDS.id)).installed
    assert refused.type == "ForeignOperator"
    assert f"{version} of gke-addon-manager is there" in refused.message


async def test_versions_are_not_mixed(there: Site) -> None:
    await brought_by_others(there, *gateway_api("v1.6.0", plurals=("gateways",)))

    err = await failure(preflight(there, GATEWAY_CRDS.id))

    assert (err.type, err.non_retryable) == ("ForeignOperator", True)
    assert f"without httproutes.{API_GROUP}" in err.message


async def test_a_newer_one_that_comes_meanwhile_is_not_written_over(there: Site) -> None:
    planned = await preflight(there, GATEWAY_CRDS.id)
    await brought_by_others(there, *gateway_api("v1.6.0", plurals=("gateways",)))

    about = ChartRequest(request=request(GATEWAY_CRDS.id), chart=planned.charts[0])
    answer = await run(there.activities.apply_crds, about)

    assert "applied 2 of 3 CRDs" in answer.steps[0].output
    assert await bundle_version(there, "gateways") == "v1.6.0"


async def test_a_file_that_changed_is_not_applied(there: Site, releases: Path) -> None:
    await installed(there, GATEWAY_CRDS.id)
    await there.cluster.delete(CRDS, f"inferencepools.{POOL_GROUP}")
    publish(releases, EXTENSION_FILE, definition("inferencepools", POOL_GROUP, "v1.5.0", changed="yes"))

    err = await failure(preflight(there, GATEWAY_CRDS.id))

    assert (err.type, err.non_retryable) == ("BadChecksum", True)
    assert "when it was first used here it was sha256:" in err.message


async def test_a_file_without_what_is_looked_for_is_refused(there: Site, releases: Path) -> None:
    publish(releases, EXTENSION_FILE, definition("others", POOL_GROUP, "v1.5.0"))

    err = await failure(preflight(there, GATEWAY_CRDS.id))

    assert err.type == "BadInstallation"
    assert f"has no CRD inferencepools.{POOL_GROUP}" in err.message


# -- the GPU operator --------------------------------------------------------------------------------------


async def test_the_gpu_operator_is_its_chart_in_one_version(there: Site) -> None:
    planned = await preflight(there, GPU_OPERATOR.id)

    await installed(there, GPU_OPERATOR.id)

    (chart,) = planned.charts
    assert (chart.key, chart.title) == (
        "gpu-operator/gpu-operator",
        f"nvidia/gpu-operator {GPU_OPERATOR_VERSION}",
    )
    assert [step.step for step in planned.steps] == ["repo-add-nvidia", "repo-update"]
    ((asked, _),) = there.helm.asked
    assert (asked.repository_url, asked.version) == (
        "https://helm.ngc.nvidia.com/nvidia",
        GPU_OPERATOR_VERSION,
    )
    assert await actions(there, GPU_OPERATOR.id) == {"gpu-operator": ChartAction.NONE}


async def test_the_gpu_operator_is_there_when_its_pod_is_ready(there: Site) -> None:
    await installed(there, GPU_OPERATOR.id)

    waiting = await failure(run(there.activities.await_operator, request(GPU_OPERATOR.id)))
    await there.pod("gpu-operator", app="gpu-operator")
    ready = await run(there.activities.await_operator, request(GPU_OPERATOR.id))

    assert waiting.type == "OperatorNotReady"
    assert ready.installed


async def test_the_gpu_operator_of_a_distribution_is_used_as_it_is(there: Site) -> None:
    await brought_by_others(there, *gpu_chart().crds)
    await there.someone_elses_operator("nvidia-gpu-operator", app="gpu-operator")

    assert await actions(there, GPU_OPERATOR.id) == {"gpu-operator": ChartAction.EXTERNALLY_MANAGED}


async def test_nothing_is_installed_beside_a_gpu_operator_that_is_broken(there: Site) -> None:
    await there.someone_elses_operator("nvidia-gpu-operator", ready=False, app="gpu-operator")

    err = await failure(preflight(there, GPU_OPERATOR.id))

    assert err.type == "ForeignOperator"
    assert "Deployment nvidia-gpu-operator/their-op" in err.message


class WithoutPolicies(Cluster):
    """An account that may do everything but write ClusterPolicies."""

    async def create(self, kind: Kind, body: Object, **more: Any) -> Object:
        if kind == REVIEWS:
            wanted = body["spec"]["resourceAttributes"]
            allowed = "*" not in wanted.values() and wanted["resource"] != "clusterpolicies"
            return {"status": {"allowed": allowed}}
        return await super().create(kind, body, **more)


async def test_rights_on_a_charts_own_kinds_are_missed_before_anything_is_written(
    there: Site, tmp_path: Path
) -> None:
    chart = gpu_chart()
    chart.objects.append(
        {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "metadata": {"name": "cluster-policy"}}
    )
    async with await WithoutPolicies.connect(tmp_path / "kubeconfig") as cluster:
        strict = Site(cluster)
        strict.helm.charts["nvidia/gpu-operator"] = chart

        err = await failure(preflight(strict, GPU_OPERATOR.id))

    assert (err.type, err.non_retryable) == ("MissingRights", True)
    assert "create clusterpolicies.nvidia.com" in err.message
