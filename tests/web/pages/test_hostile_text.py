"""Whatever tenants write is text on every page: names, messages, causes, rules, logs, YAML."""

from __future__ import annotations

import copy
from urllib.parse import quote

import pytest

from airunway.web.pages import deployment_routes
from tests.web.pages import hostile
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace

NAME = quote(hostile.NAME, safe="")


@pytest.fixture
def attacked(place: WebPlace) -> WebPlace:
    """A fleet that somebody filled with attacks, past every check of the API server."""
    fleet, key = place.state.fleet, (hostile.NAME, hostile.NAME)
    fleet.deployments.objects[key] = copy.deepcopy(hostile.DEPLOYMENT)
    failed = copy.deepcopy(hostile.DEPLOYMENT)
    failed["status"]["phase"] = "Failed"
    fleet.deployments.objects[("default", "failed")] = failed
    running = copy.deepcopy(hostile.DEPLOYMENT)
    running["status"]["phase"] = "Running"
    fleet.deployments.objects[("default", "running")] = running
    fleet.configs.objects[("", hostile.NAME)] = copy.deepcopy(hostile.CONFIG)
    fleet.nodes.objects[("", hostile.TEXT)] = copy.deepcopy(hostile.NODE)
    fleet.pods.pods[key] = copy.deepcopy(hostile.POD)
    return place


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/?phase={NAME}&provider={NAME}&namespace={NAME}&text={NAME}",
        f"/deployments/{NAME}/{NAME}",
        "/deployments/default/failed",
        "/deployments/default/running",
        "/images",
        "/providers",
        f"/providers/{NAME}",
        f"/deploy?model={NAME}",
        f"/deployments/default/{NAME}",
        f"/providers/x{NAME}",
        f"/login?next={NAME}",
        f"/deployments/default/failed/logs?pod={NAME}",
    ],
)
async def test_every_page_shows_it_as_text(
    attacked: WebPlace, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(attacked.state.fleet, "pods_of", lambda namespace, name: [hostile.POD])

    async def logs(*_: object) -> str:
        return hostile.TEXT

    monkeypatch.setattr(deployment_routes, "read_logs", logs)

    answer = await attacked.get(path)

    page = ParsedPage(answer.body)
    page.check()
    assert "49" not in page.by_id("page").text or "{{7*7}}" in page.by_id("page").text
    assert "\u202e" not in answer.body and "\x1b" not in answer.body
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_it_is_seen(attacked: WebPlace) -> None:
    page = ParsedPage((await attacked.get("/")).body)

    assert hostile.SEEN in page.by_id("fleet").text
    assert hostile.SEEN in page.by_id("list").text
    assert hostile.SEEN in page.by_id("nodes").text


async def test_the_plan_of_an_attack_is_text(place: WebPlace) -> None:
    head = "apiVersion: airunway.ai/v1alpha1\nkind: ModelDeployment\n"
    text = f"{head}metadata: {{name: {hostile.SEEN!r}}}\nspec: []\n"

    async with place.session.post(
        f"{place.url}/deploy/plan",
        data={"yaml": text, "edited": "yaml"},
        headers={"Accept": "application/json"},
    ) as answer:
        told = await answer.json()

    assert hostile.SEEN not in told["html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in told["html"]


async def test_the_form_gives_back_what_was_typed_as_text(place: WebPlace) -> None:
    text = f"kind: {hostile.SEEN}</textarea>{hostile.SEEN}"

    async with place.session.post(f"{place.url}/deploy", data={"yaml": text, "action": "plan"}) as answer:
        page = ParsedPage(await answer.text())

    page.check()
    assert page.by_id("yaml").text == text
