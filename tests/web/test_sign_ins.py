"""Signing in at the hub with the verifier kept from the browser: any replica ends what another began."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from airunway.web.sessions import SESSION_COOKIE, CookieSessions
from airunway.web.sign_ins import SIGN_IN_SECONDS, HubSignIns
from tests.web.place import WebPlace, web_place

KEY = "a key that replicas share, of 32 and more"
RETURN = "https://headlamp.example.com/oauth"
START, END = "/api/oauth/huggingface/start", "/api/oauth/huggingface/token-with-state"


@asynccontextmanager
async def hub() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A hub that gives a token for every code: its address, and what it was asked."""
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append({name: str(value) for name, value in (await request.post()).items()})
        return web.json_response({"access_token": "hf_x"})

    async def user(_: web.Request) -> web.Response:
        return web.json_response({"name": "ann"})

    app = web.Application()
    app.router.add_post("/oauth/token", token)
    app.router.add_get("/api/whoami-v2", user)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of two replicas, with their key."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "key").write_text(KEY)
    return tmp_path


@asynccontextmanager
async def replica(home: Path, name: str, url: str) -> AsyncIterator[WebPlace]:
    async with web_place(home / name, hugging_face=url, web_session_key_file=home / "key") as place:
        yield place


async def test_what_began_at_one_replica_is_ended_at_another_and_only_once(home: Path) -> None:
    async with (
        hub() as (url, asked),
        replica(home, "one", url) as one,
        replica(home, "two", url) as two,
    ):
        begun = (await one.post(START, {"redirectUri": RETURN})).body
        query = parse_qs(urlsplit(begun["authorizationUrl"]).query)

        ended = await two.post(END, {"code": "c", "state": query["state"][0]})
        again = await two.post(END, {"code": "c", "state": begun["state"]})

        assert (ended.status, ended.body["accessToken"]) == (200, "hf_x")
        [sent] = asked
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"][0]
        assert (sent["code"], sent["redirect_uri"]) == ("c", RETURN)
        assert (again.status, len(asked)) == (404, 1)


async def test_a_state_that_was_made_up_is_not_taken_to_the_hub(home: Path) -> None:
    other = HubSignIns("another installation's key, as long").begin(RETURN)
    async with hub() as (url, asked), replica(home, "one", url) as place:
        for state in (other.state, "00000000-0000-4000-8000-000000000000"):
            answer = await place.post(END, {"code": "c", "state": state})

            assert (answer.status, asked) == (404, [])


def test_the_verifier_is_not_told_by_its_state() -> None:
    begun = HubSignIns(KEY).begin(RETURN)

    assert begun.verifier not in base64.urlsafe_b64decode(begun.state).decode("latin-1")


def test_a_sign_in_that_took_too_long_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = HubSignIns(KEY).begin(RETURN)
    began = int.from_bytes(base64.urlsafe_b64decode(begun.state)[1:9], "big")

    monkeypatch.setattr("time.time", lambda: began + SIGN_IN_SECONDS + 1)
    late = HubSignIns(KEY).end(begun.state)
    monkeypatch.undo()

    assert late is None
    assert HubSignIns(KEY).end(begun.state) == begun


def test_what_is_sealed_for_a_cookie_is_no_state_and_the_other_way_round() -> None:
    begun = HubSignIns(KEY).begin(RETURN)
    cookie = CookieSessions(KEY)._seal.encrypt(b'["verifier", "https://a.example"]').decode()

    assert HubSignIns(KEY).end(cookie) is None
    assert CookieSessions(KEY).read({SESSION_COOKIE: begun.state}) is None
