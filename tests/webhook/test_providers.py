"""The pinned provider's config: watched first, asked for once more, and what each failure means (V6)."""

from __future__ import annotations

import asyncio

import pytest

from airunway.clients.errors import Forbidden, NotFound, ServerError, Unauthorized, Unreachable
from airunway.clients.kubernetes import Kind
from airunway.clients.reflector import ObjectChange
from airunway.selection.provider_lookup import LookupProblem
from airunway.webhook import providers
from airunway.webhook.providers import RegisteredProviders
from tests.webhook.calling import Object, Webhooks, deployment

PINNED = deployment(provider={"name": "acme"}, engine={"type": "vllm"}, resources={"gpu": {"count": 1}})


def config(*engines: str) -> Object:
    offered = [{"name": engine, "servingModes": ["aggregated"], "gpuSupport": True} for engine in engines]
    return {"metadata": {"name": "acme"}, "spec": {"capabilities": {"engines": offered}}}


class FakeReader:
    def __init__(self, answer: Object | Exception | None = None) -> None:
        self.answer = answer
        self.asked = 0

    async def get(self, kind: Kind, name: str) -> Object:
        self.asked += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


NOT_FOUND = NotFound('"acme" not found', status=404, reason="NotFound")


async def test_a_watched_config_is_not_asked_for() -> None:
    reader = FakeReader(NOT_FOUND)
    known = RegisteredProviders(reader)

    known.on_change(ObjectChange("set", config("vllm")))

    assert (await known.find("acme")).config is not None
    assert reader.asked == 0


async def test_a_config_that_is_not_known_yet_is_asked_for() -> None:
    found = await RegisteredProviders(FakeReader(config("vllm"))).find("acme")

    assert found.config is not None and found.config.name == "acme"


async def test_a_deleted_config_is_forgotten() -> None:
    known = RegisteredProviders(FakeReader(NOT_FOUND))
    known.on_change(ObjectChange("set", config("vllm")))

    known.on_change(ObjectChange("deleted", config()))

    assert (await known.find("acme")).problem is LookupProblem.NOT_FOUND


async def test_an_unreadable_config_refuses_nothing() -> None:
    known = RegisteredProviders(FakeReader(NOT_FOUND))

    known.on_change(ObjectChange("set", {"metadata": {"name": "acme"}, "spec": "text"}))

    assert (await known.find("acme")).problem is LookupProblem.UNAVAILABLE


@pytest.mark.parametrize(
    ("failure", "message", "warning"),
    [
        pytest.param(
            NOT_FOUND, 'Invalid value: "acme": InferenceProviderConfig "acme" not found', "", id="absent"
        ),
        pytest.param(NotFound("404 page not found", status=404), "", "", id="kind not installed"),
        pytest.param(
            Forbidden("no", status=403), "Internal error: cannot verify provider", "", id="forbidden"
        ),
        pytest.param(
            Unauthorized("no", status=401), "Internal error: cannot verify provider", "", id="unauthorized"
        ),
        pytest.param(ServerError("no", status=500), "", "controller will re-validate", id="failed"),
        pytest.param(Unreachable("refused"), "", "controller will re-validate", id="unreachable"),
    ],
)
async def test_each_failure_has_its_outcome(
    webhooks: Webhooks, failure: Exception, message: str, warning: str
) -> None:
    webhooks.find = RegisteredProviders(FakeReader(failure)).find

    response = await webhooks.create(PINNED)

    assert response["allowed"] is (message == "")
    if message:
        assert response["status"]["message"].startswith(f"spec.provider.name: {message}")
    warnings = response.get("warnings") or []
    assert len(warnings) == bool(warning) and all(warning in line for line in warnings)


async def test_a_silent_api_server_does_not_hold_the_answer(
    webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "DIRECT_READ_SECONDS", 0)
    webhooks.find = RegisteredProviders(FakeReader(None)).find

    response = await webhooks.create(PINNED)

    assert response["allowed"] and "controller will re-validate" in response["warnings"][0]


async def test_what_the_config_says_is_checked(webhooks: Webhooks) -> None:
    webhooks.find = RegisteredProviders(FakeReader(config("sglang"))).find

    response = await webhooks.create(PINNED)

    assert response["status"]["message"].startswith('spec.engine.type: Invalid value: "vllm": ')


async def test_nobody_is_asked_without_a_pinned_provider(webhooks: Webhooks) -> None:
    reader = FakeReader(NOT_FOUND)
    webhooks.find = RegisteredProviders(reader).find

    await webhooks.create(deployment(engine={"type": "vllm"}))

    assert reader.asked == 0
