"""Requests that fit the generated OpenAPI, and some that do not, are never answered by a fault of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.web.place import WebPlace, web_place

EXAMPLES = 4
"""Of each operation; the same at every run."""


async def test_no_request_is_answered_by_a_fault_of_ours(tmp_path: Path) -> None:
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
        if answer.status_code >= 400:
            body = answer.json()
            assert "error" in body or body.get("success") is False, (case, body)
        assert "content-security-policy" in {name.lower() for name in answer.headers}

    ask()


async def test_a_misfit_is_documented_as_it_is_answered(place: WebPlace) -> None:
    schema = (await place.get("/api/openapi.json")).body

    answers = [
        operation["responses"] for methods in schema["paths"].values() for operation in methods.values()
    ]
    assert all("422" not in responses for responses in answers)
    assert any("400" in responses for responses in answers)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_no_page_that_loads_scripts_of_others(place: WebPlace, path: str) -> None:
    assert (await place.get(path)).status == 404
