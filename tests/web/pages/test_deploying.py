"""What a script gets for a form: a refusal stays on the page, and nothing that was typed is lost."""

from __future__ import annotations

import json

from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.web.errors import AUTH_ERROR_HEADER
from airunway.web.pages.deploy_form import example_body, text_of
from tests.web.pages.parsed import ParsedPage
from tests.web.pages.test_rights import ANN, of, place
from tests.web.place import Answered, WebPlace

__all__ = ["place"]
JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html"}


async def sent(place: WebPlace, path: str, *, token: str = ANN, text: str, action: str) -> Answered:
    """A form, as the page's script sends it."""
    fields = {"yaml": text, "edited": "yaml", "action": action}
    headers = {**JSON, **(of(token) if token else {})}
    async with place.session.post(place.url + path, data=fields, headers=headers) as answer:
        return Answered(answer.status, json.loads(await answer.text()), answer.headers)


def typed(name: str, namespace: str) -> str:
    body = example_body()
    body["metadata"] = {"name": name, "namespace": namespace}
    return text_of(body)


async def test_what_was_created_is_told_by_its_page(place: WebPlace) -> None:
    made = await sent(place, "/deploy", text=typed("made", "team-a"), action="create")
    again = await sent(place, "/deploy", text=typed("made", "team-a"), action="create")

    assert (made.status, made.body) == (200, {"ok": True, "location": "/deployments/team-a/made"})
    assert await place.cluster.find(DEPLOYMENTS, "made", namespace="team-a") is not None
    assert (again.status, again.body["ok"]) == (409, False)
    assert "already exists" in again.body["message"]


async def test_what_is_refused_says_why(place: WebPlace) -> None:
    forbidden = await sent(place, "/deploy", text=typed("made", "team-b"), action="create")
    unreadable = await sent(place, "/deploy", text="a: [", action="create")
    moved = await sent(place, "/deployments/team-a/chat/edit", text=typed("other", "team-a"), action="save")

    assert (forbidden.status, unreadable.status, moved.status) == (403, 422, 422)
    assert "not YAML" in unreadable.body["message"]
    assert "stay team-a/chat" in moved.body["message"]


async def test_a_script_is_told_that_its_person_is_signed_out(place: WebPlace) -> None:
    answer = await sent(place, "/deploy", token="", text=typed("made", "team-a"), action="create")

    assert answer.status == 401
    assert answer.headers[AUTH_ERROR_HEADER] == "true"


async def test_a_refusals_page_says_who_is_refused_and_leads_to_signing_in(place: WebPlace) -> None:
    refused = ParsedPage((await place.get("/deployments/team-b/chat", **of(ANN), **PAGE)).body)
    async with place.session.post(f"{place.url}/deployments/team-a/chat/scale", headers=PAGE) as answer:
        out = ParsedPage(await answer.text())

    assert refused.by_id("user").text == "ann"
    assert refused.all("form", action="/session/end")
    assert out.all("h1")[0].text == "Not signed in"
    assert out.all("a", href="/login")
