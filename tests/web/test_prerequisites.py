"""What the dashboard asks for before providers: the GPU operator, and the definitions of Gateway API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CRDS
from airunway.installation.prerequisites import GATEWAY_CRDS, GPU_OPERATOR, GPU_OPERATOR_VERSION
from airunway.messages.installation import INSTALL_CHART, PREFLIGHT
from airunway.web.derive.gateway import GATEWAY_CRD, gateway_crd_status
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import Site, operator
from tests.releases import API_GROUP, HOST, POOL_GROUP, definition, gateway_api, publish_all
from tests.web.documents import check_answer
from tests.web.installer_place import installing_place, place_with, scripted_installer
from tests.web.place import WebPlace
from tests.workflows.installer_world import InstallerWorld, final

GPUS = "/api/installation/gpu-operator"
GATEWAY = "/api/installation/gateway"
POLICIES = definition("clusterpolicies", "nvidia.com", "")
READY = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0}]}
STEPS = ["gateway-api-crds", "inference-extension-crds"]


async def define(place: WebPlace, *definitions: dict[str, Any]) -> None:
    for each in definitions:
        await apply_crd(place.cluster, each, field_manager="test")


async def operator_pod(place: WebPlace, **status: Any) -> None:
    await place.pod("gpu-operator-0", labels={"app": "gpu-operator"}, node="n", **status)


# -- what is there ---------------------------------------------------------------------------------------


async def test_definitions_alone_are_no_gpu_operator(place: WebPlace) -> None:
    nothing = (await place.get(f"{GPUS}/status")).body
    await define(place, POLICIES)
    await operator_pod(place, phase="Running")
    place.state.standings.look_again(GPU_OPERATOR.id)

    defined = (await place.get(f"{GPUS}/status")).body

    assert nothing["message"] == "neither the GPU operator nor GPUs were found"
    assert nothing["helmCommands"][-1].endswith(f"--version {GPU_OPERATOR_VERSION}")
    assert (defined["crdFound"], defined["installed"], defined["operatorRunning"]) == (True, False, False)
    assert defined["message"] == "the definitions of the GPU operator are there, and no pod of it is ready"


async def test_a_gpu_operator_that_runs_is_not_installed_again(place: WebPlace) -> None:
    await define(place, POLICIES)
    await operator_pod(place, **READY)

    answer = await place.post(f"{GPUS}/install")

    assert (answer.status, answer.body["success"], answer.body["alreadyInstalled"]) == (200, True, True)
    assert answer.body["status"]["installed"] is True


async def test_definitions_of_gateways_are_installed_once(place: WebPlace) -> None:
    await define(place, *gateway_api(), definition("inferencepools", POOL_GROUP, "v1.5.0"))

    done = await place.post(f"{GATEWAY}/install-crds")

    assert (done.status, done.body["success"]) == (200, True)
    assert [entry["step"] for entry in done.body["results"]] == STEPS


@pytest.mark.parametrize(
    ("annotations", "version"),
    [
        ({"gateway.networking.k8s.io/bundle-version": "v1.5.1", "app.kubernetes.io/version": "v9"}, "v1.5.1"),
        ({"gateway.networking.k8s.io/bundle-version": "", "app.kubernetes.io/version": "v1.4.0"}, "v1.4.0"),
        ({}, None),
    ],
)
def test_the_version_of_definitions_is_what_they_say_first(
    annotations: dict[str, str], version: str | None
) -> None:
    status = gateway_crd_status({GATEWAY_CRD: {"metadata": {"annotations": annotations}}}, {}, [])

    assert status.get("gatewayApiVersion") == version


async def test_a_provider_that_is_called_so_is_none(place: WebPlace) -> None:
    health = json.dumps({"crds": ["inferenceproviderconfigs.airunway.ai"], "operatorPods": []})
    charts = json.dumps(
        {"helmCharts": [{"name": "evil", "chart": "oci://evil.example.com/a", "namespace": "a"}]}
    )
    said = {"airunway.ai/health": health, "airunway.ai/installation": charts}
    await place.config(
        GPU_OPERATOR.id, annotations=said, spec={"capabilities": {"engines": [{"name": "vllm"}]}}
    )
    await place.until(lambda: place.state.fleet.config(GPU_OPERATOR.id) is not None)

    (listed,) = (await place.get("/api/runtimes/status")).body["runtimes"]
    refused = [
        await place.get(f"/api/installation/providers/{GPU_OPERATOR.id}/status"),
        await place.get(f"/api/installation/providers/{GPU_OPERATOR.id}/commands"),
        await place.post(f"/api/installation/providers/{GPU_OPERATOR.id}/install"),
        await place.post(f"/api/installation/providers/{GPU_OPERATOR.id}/uninstall"),
    ]
    status = (await place.get(f"{GPUS}/status")).body

    assert (listed["installable"], listed["installed"], listed["crdFound"]) == (False, False, False)
    assert {answer.status for answer in refused} == {404}
    assert {"is a shared prerequisite" in answer.message for answer in refused} == {True}
    assert (status["installed"], status["crdFound"]) == (False, False)
    assert "evil" not in json.dumps(status)


# -- installing, with the installer's own steps ----------------------------------------------------------


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[tuple[WebPlace, Site]]:
    """The application with an installer that works on its cluster."""
    releases = tmp_path / "releases"
    publish_all(releases)
    async with installing_place(tmp_path, {HOST: str(releases)}) as (place, site):
        chart = FakeChart(
            GPU_OPERATOR_VERSION, objects=[operator("gpu-operator", app="gpu-operator")], crds=[POLICIES]
        )
        site.helm.charts["nvidia/gpu-operator"] = chart
        yield place, site


async def test_definitions_of_gateways_are_installed_with_the_references_steps(
    real: tuple[WebPlace, Site],
) -> None:
    place, _ = real

    answer = await place.post(f"{GATEWAY}/install-crds")

    assert (answer.status, answer.body["success"]) == (200, True), answer.body
    assert [(entry["step"], entry["success"]) for entry in answer.body["results"]] == [
        (step, True) for step in STEPS
    ]
    status = (await place.get(f"{GATEWAY}/status")).body
    assert (status["gatewayApiVersion"], status["inferenceExtVersion"]) == ("v1.5.1", "v1.5.0")
    assert status["progress"]["stage"] == "idle"
    assert (await place.post(f"{GATEWAY}/install-crds")).body["message"] == "The CRDs are installed already"


async def test_newer_definitions_of_others_stay_and_the_rest_is_installed(
    real: tuple[WebPlace, Site],
) -> None:
    place, _ = real
    await define(place, *gateway_api("v1.6.0", plurals=("gateways", "httproutes")))

    answer = await place.post(f"{GATEWAY}/install-crds")

    assert (answer.status, answer.body["success"]) == (200, True), answer.body
    api, extension = answer.body["results"]
    assert (api["step"], api["output"]) == (STEPS[0], "v1.6.0 of test is there, and is used as it is")
    assert extension["step"] == STEPS[1]
    assert (await place.get(f"{GATEWAY}/status")).body["gatewayApiVersion"] == "v1.6.0"


async def test_half_of_somebody_elses_definitions_is_a_conflict(real: tuple[WebPlace, Site]) -> None:
    place, _ = real
    await define(place, *gateway_api("v1.6.0", plurals=("gateways",)))

    answer = await place.post(f"{GATEWAY}/install-crds")

    assert answer.status == 409
    assert f"without httproutes.{API_GROUP}; versions are not mixed" in answer.message


async def test_the_gpu_operator_is_installed_with_the_references_steps(real: tuple[WebPlace, Site]) -> None:
    place, site = real
    await operator_pod(place, **READY)

    answer = await place.post(f"{GPUS}/install")

    assert (answer.status, answer.body["success"]) == (200, True), answer.body
    assert "alreadyInstalled" not in answer.body
    steps = [entry["step"] for entry in answer.body["results"]]
    assert steps == ["repo-add-nvidia", "repo-update", "install-gpu-operator"]
    assert answer.body["status"]["installed"] is True
    assert await place.cluster.find(CRDS, "clusterpolicies.nvidia.com")
    assert [chart.version for chart, _ in site.helm.asked] == [GPU_OPERATOR_VERSION]


# -- what may become of a request ------------------------------------------------------------------------


@pytest.fixture(params=[GPU_OPERATOR.id, GATEWAY_CRDS.id])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[InstallerWorld]:
    """An installer whose steps are scripted."""
    async with scripted_installer(request.param) as built:
        yield built


@pytest.fixture
async def scripted(tmp_path: Path, world: InstallerWorld) -> AsyncIterator[WebPlace]:
    """The application with that installer."""
    async with place_with(world, tmp_path) as made:
        yield made


def paths(world: InstallerWorld) -> tuple[str, str]:
    """To install it, and how it stands."""
    if world.provider == GPU_OPERATOR.id:
        return f"{GPUS}/install", f"{GPUS}/status"
    return f"{GATEWAY}/install-crds", f"{GATEWAY}/status"


@pytest.mark.parametrize(("kind", "status"), [("MissingRights", 403), ("ForeignOperator", 409), ("Odd", 500)])
async def test_what_fails_has_the_status_of_its_kind_and_its_words(
    scripted: WebPlace, world: InstallerWorld, kind: str, status: int
) -> None:
    install, _ = paths(world)
    world.errors[PREFLIGHT.name] = [final(kind, "the installer may not create widgets")]

    answer = await scripted.post(install)

    assert answer.status == status
    assert "failed: the installer may not create widgets" in answer.message
    check_answer((await scripted.get("/api/openapi.json")).body, "POST", install, answer)


async def test_what_is_done_can_be_watched_and_asked_for_twice(
    scripted: WebPlace, world: InstallerWorld
) -> None:
    install, status = paths(world)
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    asked = [asyncio.create_task(scripted.post(install)) for _ in range(2)]

    shown = await scripted.until_answer(
        status, lambda answer: answer.body.get("progress", {}).get("stage") == "running"
    )
    world.gates[INSTALL_CHART.name].set()
    answers = await asyncio.gather(*asked)

    document = (await scripted.get("/api/openapi.json")).body
    check_answer(document, "GET", status, shown)
    for answer in answers:
        assert (answer.status, answer.body["success"]) == (200, True)
        check_answer(document, "POST", install, answer)
    assert world.revision == 1


async def test_what_is_cancelled_did_not_succeed(scripted: WebPlace, world: InstallerWorld) -> None:
    install, status = paths(world)
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    asked = asyncio.create_task(scripted.post(install))
    await world.until(lambda: INSTALL_CHART.name in world.calls)

    page = f"/prerequisites/{world.provider}/ask/cancel"
    told = await scripted.post(page, Accept="application/json")

    answer = await asked
    assert told.body["ok"]
    assert (answer.status, "failed: cancelled" in answer.message) == (500, True)
    assert (await scripted.get(status)).body["progress"]["stage"] == "idle"
