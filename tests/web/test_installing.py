"""Installing over the API: the steps of the workflow come back, and its refusals keep their words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from airunway.api.names import installation_workflow_id
from airunway.messages.installation import INSTALL_CHART, UNINSTALL_CHART, InstallationRequest
from airunway.messages.installation_workflow import InstallationView
from airunway.workers.temporal.identity import person_identity
from tests.web.installer_place import place_with, scripted_installer
from tests.web.place import Answered, WebPlace
from tests.workflows.installer_world import InstallerWorld, final

PROVIDER = "acme"
INSTALLATION = json.dumps(
    {
        "helmRepos": [{"name": "acme", "url": "https://charts.example.com"}],
        "helmCharts": [{"name": "op", "chart": "acme/op", "version": "1.0.0", "namespace": "ns"}],
    }
)


@pytest.fixture
async def world() -> AsyncIterator[InstallerWorld]:
    """Temporal with workers for installations."""
    async with scripted_installer(PROVIDER) as built:
        yield built


@pytest.fixture
async def place(tmp_path: Path, world: InstallerWorld) -> AsyncIterator[WebPlace]:
    """The application, with that Temporal and a provider that has a chart."""
    async with place_with(world, tmp_path) as made:
        await made.config(PROVIDER, annotations={"airunway.ai/installation": INSTALLATION})
        await made.until(lambda: made.state.fleet.config(PROVIDER) is not None)
        yield made


async def operate(place: WebPlace, operation: str) -> Answered:
    return await place.post(f"/api/installation/providers/{PROVIDER}/{operation}")


async def test_an_installation_answers_with_its_steps(place: WebPlace, world: InstallerWorld) -> None:
    answer = await operate(place, "install")

    assert (answer.status, answer.body["success"]) == (200, True)
    assert [entry["step"] for entry in answer.body["results"]] == ["apply-crd-x", "install-op"]
    assert set(answer.body["results"][0]) == {"step", "success", "output", "error"}
    assert "alreadyInstalled" not in answer.body

    again = await operate(place, "install")
    assert (again.body["success"], again.body["alreadyInstalled"]) == (True, True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("MissingRights", 403), ("HelmForbidden", 403)),
        *(("OwnershipClash", 409), ("OwnershipConflict", 409), ("ForeignOperator", 409)),
    ],
)
async def test_a_right_that_is_missing_and_an_object_of_others_have_statuses_of_their_own(
    place: WebPlace, world: InstallerWorld, kind: str, status: int
) -> None:
    world.errors[INSTALL_CHART.name] = [final(kind, "the installer may not create widgets")]

    answer = await operate(place, "install")

    assert answer.status == status
    assert "may not create widgets" in answer.message


async def test_an_unforeseen_failure_keeps_its_words(place: WebPlace, world: InstallerWorld) -> None:
    world.errors[INSTALL_CHART.name] = [final("Strange", "the chart fell over")]

    answer = await operate(place, "install")

    assert answer.status == 500
    assert "the chart fell over" in answer.message


async def test_an_uninstall_that_fails_says_so_with_200(place: WebPlace, world: InstallerWorld) -> None:
    world.revision = 1
    world.errors[UNINSTALL_CHART.name] = [final("Strange", "it holds on")]

    answer = await operate(place, "uninstall")

    assert (answer.status, answer.body["success"]) == (200, False)
    assert "it holds on" in answer.body["message"]


async def test_what_is_done_can_be_watched_meanwhile(place: WebPlace, world: InstallerWorld) -> None:
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    asked = asyncio.create_task(operate(place, "install"))

    status = f"/api/installation/providers/{PROVIDER}/status"
    shown = await place.until_answer(
        status, lambda answer: answer.body.get("progress", {}).get("stage") == "running"
    )
    assert shown.body["progress"]["operation"] == "install"
    world.gates[INSTALL_CHART.name].set()
    assert (await asked).body["success"]


async def test_installing_is_offered_while_an_installer_listens(place: WebPlace) -> None:
    assert (await place.get("/api/installation/helm/status")).body["available"] is True


async def test_the_record_says_who_asked(place: WebPlace, world: InstallerWorld) -> None:
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    asked = asyncio.create_task(operate(place, "install"))
    handle = world.env.client.get_workflow_handle(installation_workflow_id("here", PROVIDER))

    async with asyncio.timeout(60):
        while not (request := await requested(handle)):
            await asyncio.sleep(0.05)

    assert request.requested_by == person_identity()
    world.gates[INSTALL_CHART.name].set()
    await asked


async def requested(handle: WorkflowHandle[Any, Any]) -> InstallationRequest | None:
    try:
        view: InstallationView = await handle.query("state", result_type=InstallationView)
    except RPCError:
        return None
    return view.request
