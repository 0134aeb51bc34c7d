"""What went wrong: a page with what to do for a browser, JSON for a client, whatever is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from airunway.web.pages import fleet_routes
from airunway.web.pages.rendering import ADVICE
from tests.web.pages import hostile
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace, web_place

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CLIENT = {"Accept": "application/json"}
HOSTILE = {
    "markup": hostile.NAME,
    "control characters": "a\x00b\x1b[2Jc",
    "a line end": "a\r\nSet-Cookie: x=y",
    "an overlong name": "a" * 5_000,
    "another encoding": "\u202eabc",
    "a way up": "..%2F..%2Fsecrets",
    "capitals": "DEMO",
}
PLACES = [
    "/deployments/default/{}",
    "/deployments/{}/demo",
    "/deployments/default/{}/edit",
    "/deployments/default/{}/logs",
    "/providers/{}",
    "/providers/{}/install",
    "/api/deployments/{}",
    "/api/deployments/{}/logs",
    "/api/deployments/{}/manifest",
    "/api/settings/providers/{}",
    "/api/installation/providers/{}/status",
    "/api/models/{}",
    "/api/aikit/models/{}",
]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebPlace]:
    """One for all: nothing is changed."""
    async with web_place(tmp_path_factory.mktemp("errors")) as made:
        yield made


@pytest.mark.parametrize("path", ["/nothing", "/deployments/default", "/static/nothing.js"])
async def test_a_browser_gets_a_page_that_says_what_to_do(place: WebPlace, path: str) -> None:
    answer = await place.get(path, **BROWSER)

    page = ParsedPage(answer.body)
    page.check()
    assert answer.status == 404
    assert path in page.by_id("page").text and ADVICE[404] in page.by_id("page").text


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing"])
async def test_a_client_gets_json(place: WebPlace, path: str) -> None:
    for headers in (CLIENT, {}, BROWSER if path.startswith("/api/") else CLIENT):
        answer = await place.get(path, **headers)

        assert (answer.status, answer.message) == (404, f"Not Found - {path}")


async def test_a_visit_where_only_a_button_leads_is_told_so(place: WebPlace) -> None:
    answer = await place.get("/deployments/default/demo/scale", **BROWSER)

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert ADVICE[405] in ParsedPage(answer.body).by_id("page").text
    assert (await place.get("/session", **CLIENT)).body["error"]["statusCode"] == 405


async def test_a_fault_of_ours_is_a_page_with_all_headers(
    place: WebPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the words of the fault are for the log")

    monkeypatch.setattr(fleet_routes, "fleet_page", broken)

    answer = await place.get("/", **BROWSER)
    told = await place.get("/", **CLIENT)

    assert (answer.status, told.status) == (500, 500)
    assert "words of the fault" not in answer.body and "words of the fault" not in told.message
    assert ADVICE[500].split(".")[0] in ParsedPage(answer.body).by_id("page").text
    for found in (answer, told):
        assert "script-src 'self'" in found.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("path", PLACES)
async def test_what_nothing_can_be_called_is_not_there(place: WebPlace, path: str, name: str) -> None:
    address = path.format(quote(name, safe=""))

    answer = await place.get(address, **BROWSER)

    assert answer.status == 404, answer.body
    if path.startswith("/api/"):
        assert answer.body["error"]["statusCode"] == 404
        assert len(answer.message) < 6_000
    else:
        ParsedPage(answer.body).check()
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/deployments/default/{}/scale", "/deployments/{}/demo/ask/retry"])
async def test_a_button_of_what_nothing_can_be_called_does_nothing(place: WebPlace, path: str) -> None:
    answer = await place.post(path.format(quote(hostile.NAME, safe="")), **CLIENT)

    assert answer.status == 404
