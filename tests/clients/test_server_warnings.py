"""Warnings of an API server: read as RFC 7234 writes them, few and short whatever a webhook says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio import client

from airunway.clients.errors import Invalid, ServerError, api_error
from airunway.clients.kubernetes import CONFIG_MAPS, Cluster
from airunway.clients.kubernetes.warnings import MAX_WARNING_LENGTH, MAX_WARNINGS, warnings_in


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        pytest.param([], [], id="none"),
        pytest.param(['299 - "unknown field \\"spec.a\\""'], ['unknown field "spec.a"'], id="quotes"),
        pytest.param(['299 - "a \\\\ b"'], ["a \\ b"], id="a backslash"),
        pytest.param(['299 - "one"', '299 - "two"'], ["one", "two"], id="a header each"),
        pytest.param(['299 - "one", 299 - "two, three"'], ["one", "two, three"], id="in one header"),
        pytest.param(['299 - "one" "Sun, 06 Nov 1994 08:49:37 GMT"'], ["one"], id="with a date"),
        pytest.param(['299 api.example.com:6443 "one"'], ["one"], id="with an agent"),
        pytest.param(['110 - "stale", 299 - "one"'], ["one"], id="other codes are about caches"),
        pytest.param(['299 - "one"', '299 - "one"'], ["one"], id="each once"),
        pytest.param(['299 - "line\\nbreak"'], ["linenbreak"], id="an escape stands for its letter"),
        pytest.param(['299 - "\x1b[2Jgone"'], ["\N{REPLACEMENT CHARACTER}[2Jgone"], id="steers no terminal"),
        pytest.param(['299 - ""', '299 - " "'], [], id="empty"),
        pytest.param(['299 - "never ends'], [], id="no end"),
        pytest.param(['299 - "one", nonsense, 299 - "two"'], ["one"], id="nonsense ends a header"),
        pytest.param(['299 - "one" x'], [], id="something behind"),
        pytest.param(["", ",", "299", "299 -", "299 - one"], [], id="no texts"),
    ],
)
def test_what_headers_say(headers: list[str], told: list[str]) -> None:
    assert warnings_in(headers) == told


def test_a_long_text_is_cut_off_and_many_are_counted() -> None:
    long = "x" * 5000

    told = warnings_in([f'299 - "{number} {long}"' for number in range(1000)])

    assert len(told) == MAX_WARNINGS
    assert max(map(len, told)) == MAX_WARNING_LENGTH
    assert told[-1] == f"and {1000 - MAX_WARNINGS + 1} more warnings"


@given(st.lists(st.text()))
def test_whatever_is_sent_is_read_to_something_small(headers: list[str]) -> None:
    told = warnings_in(headers)

    assert len(told) <= MAX_WARNINGS
    assert all(text.isprintable() and 0 < len(text) <= MAX_WARNING_LENGTH for text in told)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40), max_size=5))
def test_what_is_quoted_well_comes_back(texts: list[str]) -> None:
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]

    told = warnings_in([", ".join(f'299 - "{text}"' for text in quoted)])

    plain = [text for text in dict.fromkeys(texts) if text.isprintable() and text.strip() == text]
    assert [text for text in told if text in plain] == plain


@pytest.fixture
async def warned() -> AsyncIterator[Cluster]:
    """An API server that warns as much as a real one ever does: 4,096 characters, in the most headers."""

    async def answer(request: web.Request) -> web.Response:
        response = web.json_response({"kind": "ConfigMap"})
        for number in range(1500):
            response.headers.add("Warning", f'299 - "{number}"')
        response.headers.add("Warning", '299 - "' + "\N{GRINNING FACE}" * 4096 + '"')
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with Cluster(client.Configuration(host=f"http://127.0.0.1:{port}")) as cluster:
        yield cluster
    await runner.cleanup()


async def test_an_answer_with_very_many_warnings_can_be_read(warned: Cluster) -> None:
    warnings: list[str] = []
    body: dict[str, Any] = {"metadata": {"name": "a", "namespace": "default"}}

    made = await warned.create(CONFIG_MAPS, body, namespace="default", warnings=warnings)
    quiet = await warned.apply(CONFIG_MAPS, body, field_manager="test")

    assert made == quiet == {"kind": "ConfigMap"}
    assert warnings[:2] == ["0", "1"]
    assert len(warnings) == MAX_WARNINGS


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("failed to create typed patch object (/m; a/v1, Kind=M): .spec.x: field not declared", Invalid),
        ("etcdserver: request timed out", ServerError),
    ],
)
def test_an_apply_that_does_not_fit_its_schema_is_no_fault_of_the_server(message: str, kind: type) -> None:
    assert type(api_error(500, "", message)) is kind
