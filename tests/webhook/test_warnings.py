"""Warnings come with permits and refusals alike."""

from __future__ import annotations

import pytest

from tests.webhook.calling import Webhooks, deployment


@pytest.mark.parametrize(
    ("name", "words"),
    [("n" * 64, "has 64 characters"), ("7b-chat", "starts with a digit")],
    ids=["too long", "a digit first"],
)
async def test_a_name_that_cannot_work_is_warned_of(webhooks: Webhooks, name: str, words: str) -> None:
    response = await webhooks.create(deployment(name))

    (warning,) = response["warnings"]
    assert response["allowed"] and words in warning


async def test_the_name_is_not_mentioned_again(webhooks: Webhooks) -> None:
    response = await webhooks.update(deployment("7b"), deployment("7b", scaling={"replicas": 2}))

    assert "warnings" not in response


async def test_a_provider_that_nobody_registered_is_warned_of(webhooks: Webhooks) -> None:
    response = await webhooks.create(deployment(provider={"name": "kiato"}))

    (warning,) = response["warnings"]
    assert response["allowed"] and 'no such provider registered: "kiato"' in warning


async def test_a_refusal_carries_its_warnings_too(webhooks: Webhooks) -> None:
    refused = deployment(engine={"trustRemoteCode": True}, resources={"gpu": {"count": 65}})

    response = await webhooks.create(refused)

    (warning,) = response["warnings"]
    assert not response["allowed"] and "trustRemoteCode=true allows execution" in warning


async def test_a_warning_fits_a_header(webhooks: Webhooks) -> None:
    volume = {"name": "a\r\nb" + "c" * 500, "purpose": "compilationCache", "readOnly": True, "claimName": "x"}

    response = await webhooks.create(deployment(model={"id": "a/b", "storage": {"volumes": [volume]}}))

    (warning,) = response["warnings"]
    assert warning.isprintable() and len(warning) < 256


async def test_an_argument_that_the_engine_does_not_know_is_warned_of(webhooks: Webhooks) -> None:
    engine = {"type": "vllm", "args": {"enable-auto-tool-choise": "true", "seed": "1"}}

    response = await webhooks.create(deployment(engine=engine, resources={"gpu": {"count": 1}}))

    (warning,) = response["warnings"]
    assert response["allowed"] and "did you mean enable-auto-tool-choice?" in warning


async def test_an_annotation_without_effect_is_warned_of(webhooks: Webhooks) -> None:
    paused = deployment()
    paused["metadata"]["annotations"] = {"airunway.ai/reconcile-paused": "yes"}

    response = await webhooks.create(paused)

    (warning,) = response["warnings"]
    assert response["allowed"] and "'yes' has no effect" in warning
