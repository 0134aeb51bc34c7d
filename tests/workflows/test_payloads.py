"""What comes with a signal is read leniently, and told in words when it cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from airunway.messages.commands import Asked
from airunway.messages.model_image import ModelImageReport, ModelImageWaiter
from airunway.messages.payloads import WrongPayload, read_payload, read_text
from airunway.workflows.raw_payloads import MAX_PAYLOAD_BYTES, read_signal


@pytest.mark.parametrize("payloads", [[], [None], [{}], [{}, "more"], [{"colour": "red"}]])
def test_nothing_that_is_needed_may_be_left_out(payloads: list[Any]) -> None:
    assert read_payload(payloads, Asked) == Asked()


def test_what_is_given_is_taken() -> None:
    assert read_payload([{"by": "alice", "reason": "node is back"}], Asked).reason == "node is back"


@pytest.mark.parametrize("given", ["text", 7, [1], {"by": 7}, b"bytes", {"reason": {"a": "b"}}])
def test_another_shape_is_told_in_words(given: Any) -> None:
    with pytest.raises(WrongPayload) as told:
        read_payload([given], Asked)

    assert "pydantic" not in str(told.value)


def test_what_is_needed_is_named() -> None:
    with pytest.raises(WrongPayload, match="ref: Field required"):
        read_payload([], ModelImageWaiter)


@pytest.mark.parametrize("payloads", [[], [None], [{"a": 1}]])
def test_a_text_is_a_text(payloads: list[Any]) -> None:
    with pytest.raises(WrongPayload):
        read_text(payloads)
    assert read_text(["chat"]) == "chat"


@pytest.mark.parametrize("data", [b'"' + b"x" * MAX_PAYLOAD_BYTES + b'"', b"[" * MAX_PAYLOAD_BYTES + b"]"])
def test_a_payload_that_is_too_large_is_not_even_looked_at(data: bytes) -> None:
    told: list[str] = []
    payload = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))

    assert read_signal(payload, Asked, otherwise=told.append) is None

    assert told == [f"it has more than {MAX_PAYLOAD_BYTES} bytes"]


def test_where_a_payload_is_wrong_is_said_in_few_words() -> None:
    given = {"phase": "built", "identity": "i", "workflow_id": "w", "progress": {"x" * 100_000: 1}}

    with pytest.raises(WrongPayload) as told:
        read_payload([given], ModelImageReport)

    assert len(str(told.value)) < 1000
