"""Pages of others do not call the server, and no page of it runs scripts of others."""

from __future__ import annotations

import io
import re

import pytest

from airunway.web.browser import MAX_BODY_BYTES, host_name
from tests.web.place import WebPlace

MAX_SCRIPT_BYTES = 60 * 1024
"""For the first paint of a page, before it is compressed."""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:3001", "[::1]:3001", "LOCALHOST:80"])
async def test_this_machines_names_are_served(place: WebPlace, host: str) -> None:
    assert (await place.get("/api/health", Host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example.com", "localhost.evil.example.com", "127.0.0.1.nip.io", "[", ""]
)
async def test_another_name_is_refused(place: WebPlace, host: str) -> None:
    answer = await place.get("/api/health", Host=host)

    assert answer.status in (400, 403)
    assert host_name(host) == "" or "AIRUNWAY_WEB_HOSTS" in answer.message


async def test_a_page_of_another_server_may_not_post(place: WebPlace) -> None:
    answer = await place.post("/session", {"token": "x"}, Origin="https://evil.example.com")

    assert answer.status == 403
    assert "AIRUNWAY_WEB_ORIGINS" in answer.message
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_form_that_another_site_sends_is_refused_without_an_origin(place: WebPlace) -> None:
    assert (await place.post("/session", {"token": "x"}, Sec_Fetch_Site="cross-site")).status == 403


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:80"])
async def test_pages_of_this_machine_may_call(place: WebPlace, origin: str) -> None:
    answer = await place.get("/api/health", Origin=origin)

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Airunway-Auth-Error"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost.evil.example.com", "null", "http://localhost:5173/x"])
async def test_what_only_looks_like_this_machine_may_not(place: WebPlace, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in (await place.get("/api/health", Origin=origin)).headers


async def test_a_preflight_is_answered(place: WebPlace) -> None:
    answer = await place.call(
        "OPTIONS",
        "/api/deployments",
        Origin="http://localhost:5173",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,content-type",
    )

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type"


async def test_every_answer_forbids_foreign_scripts(place: WebPlace) -> None:
    for path in ("/api/health", "/api/nothing", "/nothing"):
        headers = (await place.get(path)).headers

        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/", "/deploy", "/images", "/providers", "/deployments/default/here"])
async def test_a_page_needs_little_script(place: WebPlace, path: str) -> None:
    await place.deployment("here", phase="Running")
    await place.until(lambda: place.state.fleet.deployment("default", "here") is not None)
    named = re.findall(r'<script[^>]* src="([^"]+)"', (await place.get(path)).body)

    sizes = [len((await place.get(name)).body.encode()) for name in named]

    assert named and 0 < sum(sizes) <= MAX_SCRIPT_BYTES


async def test_scripts_and_styles_are_sent_once_and_pages_are_kept_nowhere(place: WebPlace) -> None:
    for path in ("/static/live.js", "/static/pages.css"):
        first = await place.get(path)
        again = await place.get(path, If_None_Match=first.headers["ETag"])

        assert (first.status, again.status, again.body) == (200, 304, "")
        assert first.headers["Cache-Control"] == "no-cache"
    assert (await place.get("/")).headers["Cache-Control"] == "no-store"


async def test_a_path_that_is_not_there_is_told_so_in_the_usual_shape(place: WebPlace) -> None:
    answer = await place.get("/api/nothing")

    assert (answer.status, answer.body["error"]["statusCode"]) == (404, 404)


@pytest.mark.parametrize("path", ["/api/nothing/", "//evil.example.com/"])
async def test_a_trailing_slash_leads_to_a_path_of_this_server(place: WebPlace, path: str) -> None:
    answer = await place.get(path)

    assert answer.status == 301
    assert answer.headers["Location"] == "/" + path.strip("/")


async def test_a_body_that_is_too_long_is_refused(place: WebPlace) -> None:
    body = io.BytesIO(b"x" * (MAX_BODY_BYTES + 1))
    async with place.session.post(f"{place.url}/session", data=body) as answer:
        assert answer.status == 413
