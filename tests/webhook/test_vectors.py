"""The recorded vectors of group `validate`, sent through the real server as AdmissionReviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance import compare
from tests.conformance.agreement import Case, unexplained
from tests.conformance.answers.validation import lookup_of
from tests.conformance.departures import applicable
from tests.conformance.diff import Document, without_nulls
from tests.conformance.loader import Vector, cases
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


def assert_agrees(vector: Vector, answers: tuple[Document, Document]) -> None:
    """Up to the rules of validation and of the webhooks; for a server nothing is recorded."""
    rules = applicable(("validate", "webhook"), file=vector.file, given=vector.input)
    assert unexplained(Case(vector.input, *map(without_nulls, answers), rules)) == []


def answers(want: Mapping[str, Any], response: Mapping[str, Any]) -> tuple[Document, Document]:
    """As for the rules themselves; the errors are read from the message that a user sees."""
    recorded = {"allowed": want["allowed"], "warnings": len(want["warnings"])}
    got = {"allowed": response["allowed"], "warnings": len(response.get("warnings") or [])}
    if want["allowed"] or response["allowed"]:
        return recorded, got
    status, message = response["status"], response["status"]["message"]
    lines = sorted({f"{error['field']}: {HEADS[error['type']]}" for error in want["errors"]})
    is_list = message.startswith("[") and message.endswith("]")  # one is bare, several are a list
    errors = {"lines": lines, "list": len(want["errors"]) > 1}
    found = {"lines": [line for line in lines if line in message], "list": is_list}
    return (
        {**recorded, "status": [403, "Forbidden"], "errors": errors},
        {**got, "status": [status["code"], status["reason"]], "errors": found},
    )


@pytest.mark.parametrize("vector", cases("validate", ["create"]))
async def test_a_new_object_is_answered_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    answer_with_configs_of(webhooks, vector.input)

    response = await webhooks.create(vector.input["model_deployment"])

    assert_agrees(vector, answers(vector.expect, response))


@pytest.mark.parametrize("vector", cases("validate", ["update"]))
async def test_a_change_is_answered_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    answer_with_configs_of(webhooks, vector.input)

    response = await webhooks.update(vector.input["old"], vector.input["new"])

    assert_agrees(vector, answers(vector.expect, response))


@pytest.mark.parametrize("vector", cases("validate", ["default"]))
async def test_an_object_is_filled_in_as_recorded(webhooks: Webhooks, vector: Vector) -> None:
    given = vector.input["model_deployment"]

    response = await webhooks.default(given)

    assert response["allowed"]
    spec = compare.without_empty(patched(given, response)["spec"])
    assert_agrees(vector, ({"spec": compare.without_empty(vector.expect["spec"])}, {"spec": spec}))
