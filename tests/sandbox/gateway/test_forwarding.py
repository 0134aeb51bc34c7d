"""The pretend gateway leads a request by the model of its body to a pod that serves it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from airunway.clients.kubernetes import PODS
from airunway.clients.model_names import served_model_name
from airunway.sandbox.gateway.forwarding import MODEL_HEADER, routed_headers, seconds_of
from airunway.sandbox.gateway.state import ROUTES
from tests.sandbox.conftest import NAMESPACE
from tests.sandbox.gateway.conftest import Caller


def ask(model: Any, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "How are you?"}], **more}


async def test_the_model_of_the_body_chooses_the_server(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.publish("code", "org/code")

    for model in ("org/chat", "org/code"):
        answer = await caller.until_answered(200, ask(model))
        assert answer["model"] == model
        assert answer["object"] == "chat.completion"
        assert f"This is {model}" in answer["choices"][0]["message"]["content"]
        assert "How are you?" in answer["choices"][0]["message"]["content"]
    status, answer = await caller.post({"model": "org/code", "prompt": "x ="}, "/v1/completions")
    assert (status, answer["object"]) == (200, "text_completion")


async def test_a_stream_arrives_as_events_and_says_the_same(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    whole = await caller.until_answered(200, ask("org/chat"))

    kind, events = await caller.stream(ask("org/chat"))

    assert kind == "text/event-stream"
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == whole["choices"][0]["message"]["content"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-2:] == [None, "stop"]


async def test_responses_and_embeddings_are_forwarded_too(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.until_answered(200, ask("org/chat"))
    given = {
        "model": "org/chat",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hm?"}]}],
    }

    status, answer = await caller.post(given, "/v1/responses")
    text = answer["output"][0]["content"][0]["text"]
    assert (status, answer["object"], answer["status"]) == (200, "response", "completed")
    assert "This is org/chat" in text
    assert text.endswith("You said: Hm?")

    kind, events = await caller.stream(given, "/v1/responses")
    told = [json.loads(event.partition("data: ")[2]) for event in events]
    assert kind == "text/event-stream"
    assert [event.partition("\n")[0] for event in events] == [f"event: {one['type']}" for one in told]
    assert "".join(one["delta"] for one in told if one["type"].endswith(".delta")) == text
    assert told[-1]["response"]["output"][0]["content"] == answer["output"][0]["content"]

    status, answer = await caller.post({"model": "org/chat", "input": ["a", "b", "a"]}, "/v1/embeddings")
    numbers = [one["embedding"] for one in answer["data"]]
    assert (status, answer["model"], len(numbers)) == (200, "org/chat", 3)
    assert numbers[0] == numbers[2] != numbers[1]


async def test_models_are_listed_for_who_says_whose(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.until_answered(200, ask("org/chat"))

    async with aiohttp.ClientSession() as session:
        url = f"{caller.gateway.url}/v1/models"
        async with session.get(url, headers={MODEL_HEADER: "org/chat"}) as answer:
            listed = await answer.json()
        async with session.get(url) as refused:
            assert refused.status == 404

    assert [one["id"] for one in listed["data"]] == ["org/chat"]


async def test_a_model_that_nobody_serves_is_refused_in_openais_shape(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.route("wrong", "org/other", pool="chat")
    await caller.until_said(ROUTES, "wrong", "Accepted", "Accepted")

    for model in ("org/nobody", "org/other"):  # no route for it; a server that does not have it
        answer = await caller.until_answered(404, ask(model))
        assert answer["error"]["code"] == "model_not_found"
        assert model in answer["error"]["message"]
    for body in ({}, [], ask(7)):
        status, answer = await caller.post(body)
        assert (status, answer["error"]["code"]) == (404, "route_not_found")


async def test_the_header_of_a_client_never_beats_the_body(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.publish("code", "org/code")
    await caller.until_answered(200, ask("org/code"))

    status, answer = await caller.post(ask("org/code"), headers={MODEL_HEADER: "org/chat"})

    assert (status, answer["model"]) == (200, "org/code")


async def test_a_pool_without_a_pod_or_picker_that_is_ready_answers_503(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.until_answered(200, ask("org/chat"))

    await caller.stage.cluster.delete(PODS, "chat-0", namespace=NAMESPACE, grace_seconds=0)
    answer = await caller.until_answered(503, ask("org/chat"))
    assert "no pod that is ready" in answer["error"]["message"]

    await caller.pod("chat-1", args=["--model", "org/chat"])
    await caller.until_answered(200, ask("org/chat"))
    await caller.stage.cluster.delete(PODS, "epp-0", namespace=NAMESPACE, grace_seconds=0)
    answer = await caller.until_answered(503, ask("org/chat"))
    assert "endpoint picker" in answer["error"]["message"]


async def test_a_route_that_is_gone_leads_nowhere(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.until_answered(200, ask("org/chat"))

    await caller.stage.cluster.delete(ROUTES, "chat", namespace=NAMESPACE)

    answer = await caller.until_answered(404, ask("org/chat"))
    assert answer["error"]["code"] == "model_not_found"


async def test_a_page_in_a_browser_is_kept_out(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    async with aiohttp.ClientSession() as session:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            for url in (caller.gateway.url, caller.gateway.servers.url):
                async with session.post(f"{url}/v1/chat/completions", headers=headers) as answer:
                    assert answer.status == 403


async def test_a_path_cannot_leave_the_pod_that_was_picked(caller: Caller) -> None:
    await caller.publish("chat", "org/chat")
    await caller.publish("code", "org/code")
    await caller.until_answered(200, ask("org/chat"))
    place = f"/api/v1/namespaces/{NAMESPACE}/pods/code-0:8000/proxy/v1/models"

    for dots in ("/" + "../" * 9, "/" + "%2e%2e/" * 9):
        url = aiohttp.client.URL(caller.gateway.url + dots.rstrip("/") + place, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers={MODEL_HEADER: "org/chat"}) as answer,
        ):
            assert answer.status == 404


async def test_the_probe_reaches_a_service_by_the_address_that_the_sandbox_gives(caller: Caller) -> None:
    await caller.pod("chat-0", args=["--model", "org/m", "--served-model-name", "first", "second"])
    await caller.service("chat", "chat", port=80, target=8000)
    await caller.service("wrong", "chat", port=80, target=9999)
    await caller.publish("code", "org/code")  # what came before is known with it
    await caller.until_answered(200, ask("org/code"))
    where = caller.gateway.servers.service_url

    assert await served_model_name("chat", NAMESPACE, 80, service_url=where) == "first"
    for service, port in (("chat", 81), ("wrong", 80), ("absent", 80)):
        assert await served_model_name(service, NAMESPACE, port, service_url=where) == ""


def test_what_is_passed_on_of_the_headers() -> None:
    given = {"Host": "x", "Connection": "close", "Authorization": "Bearer t", MODEL_HEADER: "old"}

    passed = routed_headers(given, b'{"model": "new"}')

    assert dict(passed) == {"Authorization": "Bearer t", MODEL_HEADER: "new"}
    for body in (b"", b"no json", b'{"model": 5}', b'{"model": "a\\nb"}', b"[" * 100_000):
        assert routed_headers(given, body)[MODEL_HEADER] == "old"


def test_durations() -> None:
    given = ("300s", "1m30s", "250ms", "1h", "0s", None)
    assert [seconds_of(one) for one in given] == [300, 90, 0.25, 3600, None, None]
