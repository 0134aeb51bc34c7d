"""Requests that fit the generated OpenAPI, and some that do not, get the answers that it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.web.place import WebPlace, web_place

EXAMPLES = 4
"""Of each operation; the same at every run."""


async def test_requests_are_answered_as_the_document_says_and_by_no_fault_of_ours(tmp_path: Path) -> None:
    # A hub where nobody listens: what would go there fails at once.
    async with web_place(tmp_path, hugging_face="http://127.0.0.1:9") as place:
        await place.deployment("demo", phase="Running")

        await asyncio.to_thread(_attack, place.url)


def _attack(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith("/api/"):
            _try(operation)
            count += 1
    assert count > 50


def _try(operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call()
        assert "the log of `airunway web`" not in answer.text, (case, answer.text)
        case.validate_response(answer, checks=[response_schema_conformance])
        assert "content-security-policy" in {name.lower() for name in answer.headers}

    ask()


async def test_a_misfit_is_documented_as_it_is_answered(place: WebPlace) -> None:
    schema = (await place.get("/api/openapi.json")).body

    answers = [
        operation["responses"] for methods in schema["paths"].values() for operation in methods.values()
    ]
    assert all("422" not in responses and "default" in responses for responses in answers)


WITHOUT_SHAPE = {
    "/api/deployments/{name}/chat",  # a stream of the model server's
    "/api/deployments/{namespace}/{name}/chat",
    "/api/vllm/recipes/{organisation}/{model}",  # always refused
    "/api/vllm/recipes/resolve",
    "/api/costs/instance-price",
    "/api/oauth/huggingface/verifier/{mark}",
}


async def test_every_answer_has_a_shape(place: WebPlace) -> None:
    schema = (await place.get("/api/openapi.json")).body

    without = {
        path
        for path, methods in schema["paths"].items()
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if status.startswith("2") and path.startswith("/api/")
        if not response.get("content", {}).get("application/json", {}).get("schema")
    }
    assert without == WITHOUT_SHAPE


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_no_page_that_loads_scripts_of_others(place: WebPlace, path: str) -> None:
    assert (await place.get(path)).status == 404
