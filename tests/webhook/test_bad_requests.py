"""Whatever arrives, the server answers and goes on."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import timedelta
from typing import Any

import pytest

from airunway.api import names
from airunway.api.bounds import MAX_DEPTH, MAX_SPEC_ELEMENTS
from airunway.clients.connection_guard import ConnectionLimits
from airunway.selection.provider_lookup import Lookup
from airunway.webhook.server import MAX_BODY
from tests.webhook.calling import Webhooks, deployment, review
from tests.webhook.calling import webhooks as webhooks_running

PATHS = [names.MUTATING_PATH, names.VALIDATING_PATH]


async def still_answers(webhooks: Webhooks) -> bool:
    allowed: bool = (await webhooks.create(deployment()))["allowed"]
    return allowed


@pytest.mark.parametrize("path", PATHS, ids=["mutating", "validating"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1"}', id="v1beta1"),
        pytest.param(b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}', id="no request"),
        pytest.param(
            b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}}', id="no uid"
        ),
        pytest.param(b"[" * 200_000, id="nested beyond reading"),
        pytest.param(b"1" * 10_000, id="a number beyond reading"),
    ],
)
async def test_what_is_no_review_is_an_http_error(webhooks: Webhooks, path: str, body: bytes) -> None:
    status, _ = await webhooks.post(path, body)

    assert status == 400
    assert await still_answers(webhooks)


async def test_a_body_that_is_too_large_is_not_read(webhooks: Webhooks) -> None:
    status, _ = await webhooks.post(names.VALIDATING_PATH, b" " * (MAX_BODY + 1))

    assert status == 413
    assert await still_answers(webhooks)


async def test_another_content_type_is_refused(webhooks: Webhooks) -> None:
    status, _ = await webhooks.post(names.VALIDATING_PATH, b"a: b", content_type="application/yaml")

    assert status == 415


async def test_there_are_two_paths_and_one_method(webhooks: Webhooks) -> None:
    assert (await webhooks.post("/", b""))[0] == 404
    async with webhooks.session.get(f"{webhooks.url}{names.VALIDATING_PATH}") as answer:
        assert answer.status == 405


@pytest.mark.parametrize("path", PATHS, ids=["mutating", "validating"])
@pytest.mark.parametrize("levels", [150, 300, 900])
async def test_a_deep_object_gets_an_answer(webhooks: Webhooks, path: str, levels: int) -> None:
    overrides = "{" + '"a":{' * levels + "}" * levels + "}"
    obj = deployment(provider={"name": "x", "overrides": "HERE"})
    body = json.dumps(review("CREATE", obj)).replace('"HERE"', overrides)

    status, text = await webhooks.post(path, body.encode())

    assert status in (200, 400)
    if status == 200:
        response = json.loads(text)["response"]
        assert response["allowed"] or response["status"]["code"] == 400
    assert await still_answers(webhooks)


async def test_a_fault_of_ours_is_an_answer_too(webhooks: Webhooks, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: str) -> Lookup:
        raise ZeroDivisionError

    working, webhooks.find = webhooks.find, broken

    response = await webhooks.create(deployment(provider={"name": "x"}, engine={"type": "vllm"}))

    assert response["status"] == {"code": 500, "message": "internal error; the webhook's log has more"}
    webhooks.find = working
    assert await still_answers(webhooks)


async def test_a_flood_of_findings_stays_readable(webhooks: Webhooks) -> None:
    overrides = [{"hostPID": True} for _ in range(20_000)]

    response = await webhooks.create(deployment(provider={"name": "x", "overrides": {"list": overrides}}))

    assert len(response["status"]["message"]) < 100_000


async def test_a_client_that_leaves_in_the_middle_disturbs_nobody(webhooks: Webhooks) -> None:
    async def half() -> Any:
        yield b'{"kind": '
        raise ConnectionAbortedError

    with pytest.raises((OSError, ConnectionAbortedError)):
        await webhooks.post(names.VALIDATING_PATH, half())

    assert await still_answers(webhooks)


async def test_a_connection_without_a_review_is_not_kept() -> None:
    """Every pod reaches the port; each connection takes a file of the process."""
    async with webhooks_running(limits=ConnectionLimits(head_within=timedelta(milliseconds=100))) as webhooks:
        port = int(webhooks.url.rpartition(":")[2])
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unchecked)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nX-")

        assert await reader.read() == b""
        writer.close()
        assert await still_answers(webhooks)


async def test_many_at_once_are_all_answered(webhooks: Webhooks) -> None:
    answers = await asyncio.gather(*(webhooks.create(deployment(f"d{index}")) for index in range(100)))

    assert all(answer["allowed"] for answer in answers)


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"provider": {"name": "kaito", "overrides": deep(MAX_DEPTH - 10)}}, ""),
        ({"provider": {"name": "kaito", "overrides": deep(MAX_DEPTH + 10)}}, "deeper than"),
        ({"env": [{"name": f"A{n}", "value": "x"} for n in range(MAX_SPEC_ELEMENTS)]}, "more than"),
        ({"engine": {"args": {"hf-overrides": f"[{'[],' * 100_000}[]]"}}}, "characters"),
    ],
    ids=["as deep as may be", "too deep", "too large", "a document for an argument"],
)
@pytest.mark.parametrize("path", PATHS, ids=["mutating", "validating"])
async def test_a_spec_that_would_take_the_time_of_others_is_refused(
    webhooks: Webhooks, path: str, spec: dict[str, Any], words: str
) -> None:
    body = json.dumps(review("CREATE", deployment(**spec))).encode()

    status, text = await webhooks.post(path, body)

    assert (status, words in text) == (400, True) if "deeper" in words else words in text
    assert "evil" not in text
    assert await still_answers(webhooks)


async def test_a_body_of_too_many_values_is_refused_before_they_are_made(webhooks: Webhooks) -> None:
    body = b'{"request": [' + b"[]," * 1_000_000 + b"[]]}"

    status, text = await webhooks.post(PATHS[0], body)

    assert (status, "elements" in text) == (400, True)
    assert await still_answers(webhooks)
