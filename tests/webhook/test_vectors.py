"""The recorded vectors of group `validate`, sent through the real server as AdmissionReviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance import compare
from tests.conformance.departures import unexcused
from tests.conformance.loader import Vector, cases
from tests.conformance.test_validate import lookup_of
from tests.webhook.calling import Webhooks, patched

HEADS = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueDuplicate": "Duplicate value",
    "InternalError": "Internal error",
}


def answer_with_configs_of(webhooks: Webhooks, given: Mapping[str, Any]) -> None:
    lookup = lookup_of(given)

    async def find(name: str) -> Any:
        return lookup(name)

    webhooks.find = find


def assert_agrees(vector: Vector, found: list[str]) -> None:
    for group in ("validate", "webhook"):  # what the rules, and what the webhooks do otherwise
        found, _ = unexcused(found, group=group, file=vector.file, given=vector.input)
    assert not found


def differences(want: Mapping[str, Any], response: Mapping[str, Any]) -> list[str]:
    """As for the rules themselves; the errors are read from the message that a user sees."""
    found = compare.differences(want["allowed"], response["allowed"], "allowed")
    warnings = response.get("warnings") or []
    if len(want["warnings"]) != len(warnings):
        found.append(f"warnings: wanted {len(want['warnings'])}, got {warnings}")
    if want["allowed"] or response["allowed"]:
        return found
    status = response["status"]
    found += compare.differences((403, "Forbidden"), (status["code"], status["reason"]), "status")
    lines = {f"{error['field']}: {HEADS[error['type']]}" for error in want["errors"]}
    message = status["message"]
    found += [f"errors: missing {line}" for line in sorted(lines) if line not in message]
    if (len(want["errors"]) > 1) != (message.startswith("[") and message.endswith("]")):
        found.append(f"errors: one is bare, several are a list: {message}")
    return found


@pytest.mark.parametrize("vector", cases("validate", ["create"]))
async def test_a_new_object_is_answered_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    answer_with_configs_of(webhooks, vector.input)

    response = await webhooks.create(vector.input["model_deployment"])

    assert_agrees(vector, differences(vector.expect, response))


@pytest.mark.parametrize("vector", cases("validate", ["update"]))
async def test_a_change_is_answered_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    answer_with_configs_of(webhooks, vector.input)

    response = await webhooks.update(vector.input["old"], vector.input["new"])

    assert_agrees(vector, differences(vector.expect, response))


@pytest.mark.parametrize("vector", cases("validate", ["default"]))
async def test_an_object_is_filled_in_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    given = vector.input["model_deployment"]

    response = await webhooks.default(given)

    assert response["allowed"]
    spec = compare.without_empty(patched(given, response)["spec"])
    assert_agrees(vector, compare.differences(compare.without_empty(vector.expect["spec"]), spec, "spec"))
