"""Pages of shared prerequisites: how each stands, the plan before, and why an operation is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airunway.clients.crds import apply_crd
from airunway.installation.prerequisites import GATEWAY_CRDS, GPU_OPERATOR
from airunway.web.pages.prerequisite_views import (
    NOT_INSTALLED,
    ShownPrerequisite,
    prerequisite_operations,
)
from tests.activities.install_site import Site
from tests.releases import HOST, gateway_api, publish_all
from tests.web.installer_place import installing_place
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace

CRDS_PAGE, GPUS_PAGE = f"/prerequisites/{GATEWAY_CRDS.id}", f"/prerequisites/{GPU_OPERATOR.id}"


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[tuple[WebPlace, Site]]:
    """The application with an installer that works on its cluster."""
    releases = tmp_path / "releases"
    publish_all(releases)
    async with installing_place(tmp_path, {HOST: str(releases)}) as made:
        yield made


async def shown(place: WebPlace, path: str) -> ParsedPage:
    """A page that answers, and is whole."""
    answer = await place.get(path)
    assert answer.status == 200, answer.body
    page = ParsedPage(answer.body)
    page.check()
    return page


async def test_prerequisites_stand_beside_the_providers(place: WebPlace) -> None:
    page = await shown(place, "/providers")

    section = page.by_id("prerequisites").text
    assert f"{GPU_OPERATOR.name} not installed" in section
    assert f"{GATEWAY_CRDS.name} not installed" in section
    assert {GPUS_PAGE, CRDS_PAGE} <= {link.attributes["href"] for link in page.all("a")}


async def test_definitions_are_installed_with_the_plan_before(real: tuple[WebPlace, Site]) -> None:
    place, _ = real
    before = await shown(place, CRDS_PAGE)
    planned = await shown(place, f"{CRDS_PAGE}/install")

    done = await place.post(f"{CRDS_PAGE}/install")
    await place.until_answer(CRDS_PAGE, lambda answer: "The last operation" in answer.body)

    place.state.standings.look_again(GATEWAY_CRDS.id)  # else what was seen a moment ago is shown
    after = await shown(place, CRDS_PAGE)
    assert before.by_id("health").text == "not installed"
    assert [row.text for row in planned.all("th", scope="row")] == [
        "gateway-api-crds",
        "inference-extension-crds",
    ]
    assert "none of its CRDs is there" in planned.by_id("page").text
    (form,) = planned.all("form", action=f"{CRDS_PAGE}/install")
    assert form.text == f"Install {GATEWAY_CRDS.name}"
    assert (done.status, done.headers["Location"]) == (303, CRDS_PAGE)
    assert after.by_id("health").text == "installed"
    assert "inference-extension-crds v1.5.0: applied 1 of 1 CRDs" in after.by_id("state").text


async def test_why_a_plan_is_refused_is_a_page(real: tuple[WebPlace, Site]) -> None:
    place, _ = real
    for each in gateway_api("v1.6.0", plurals=("gateways",)):
        await apply_crd(place.cluster, each, field_manager="test")

    refused = await place.get(f"{CRDS_PAGE}/install", Accept="text/html")

    assert refused.status == 409
    assert "versions are not mixed" in ParsedPage(refused.body).by_id("page").text


async def test_what_is_not_offered_says_why(place: WebPlace) -> None:
    page = await shown(place, GPUS_PAGE)

    assert {button.text for button in page.all("button") if "disabled" in button.attributes} == {
        *("Install", "Upgrade", "Uninstall")
    }
    assert f"not from here: {GPU_OPERATOR.why_no_uninstall}" in page.by_id("state").text
    assert "helm upgrade gpu-operator nvidia/gpu-operator --install" in page.text


@pytest.mark.parametrize("path", ["", "/install"])
async def test_only_what_is_known_is_a_prerequisite(place: WebPlace, path: str) -> None:
    assert (await place.get(f"/prerequisites/kaito{path}", Accept="text/html")).status == 404
    assert (await place.post("/prerequisites/kaito/install")).status == 404
    assert (await place.post("/prerequisites/kaito/ask/cancel")).status == 404


async def test_a_provider_of_the_same_name_has_no_page_and_no_buttons(place: WebPlace) -> None:
    evil = {"helmCharts": [{"name": "evil", "chart": "oci://evil.example.com/a", "namespace": "a"}]}
    await place.config(GPU_OPERATOR.id, annotations={"airunway.ai/installation": json.dumps(evil)})
    await place.until(lambda: place.state.fleet.config(GPU_OPERATOR.id) is not None)
    named = f"/providers/{GPU_OPERATOR.id}"

    answers = [
        await place.get(named),
        await place.get(f"{named}/install"),
        await place.post(f"{named}/install"),
        await place.post(f"{named}/uninstall"),
        await place.post(f"{named}/ask/cancel"),
    ]

    assert {answer.status for answer in answers} == {404}
    assert "evil" not in (await shown(place, "/providers")).text
    assert "evil" not in (await shown(place, GPUS_PAGE)).text


@dataclass(frozen=True)
class Asked:
    reason: str
    is_installed: bool | None = True
    is_allowed: bool = True
    is_working: bool = False
    obstacle: str = ""
    install: str = ""
    upgrade: str = ""

    def __str__(self) -> str:
        return self.reason


@pytest.mark.parametrize(
    "case",
    [
        Asked("it is installed"),
        Asked("it is not", is_installed=False, upgrade=NOT_INSTALLED),
        Asked("nobody can say", is_installed=None),
        Asked("no right", is_allowed=False, install="you may not do it", upgrade="you may not do it"),
        Asked("busy", is_working=True, install="something is being", upgrade="something is being"),
        Asked("no installer", obstacle="nobody listens", install="nobody listens", upgrade="nobody listens"),
    ],
    ids=str,
)
def test_which_operations_are_offered(case: Asked) -> None:
    prerequisite = ShownPrerequisite(
        id="gpu-operator",
        name="GPUs",
        description="",
        documentation="",
        health="good",
        standing="installed",
        message="",
        is_installed=case.is_installed,
        why_no_uninstall="it is shared",
        commands=[],
    )

    install, upgrade, uninstall = prerequisite_operations(
        prerequisite,
        is_allowed=case.is_allowed,
        right="do it",
        is_working=case.is_working,
        obstacle=case.obstacle,
    )

    assert (install.why_not.startswith(case.install), bool(install.why_not)) == (True, bool(case.install))
    assert (upgrade.why_not.startswith(case.upgrade), bool(upgrade.why_not)) == (True, bool(case.upgrade))
    assert uninstall.why_not == "not from here: it is shared"
