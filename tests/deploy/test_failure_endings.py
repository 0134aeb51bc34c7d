"""Every reason by which a condition is False says in a table what ends it, and does end so."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from airunway.messages.deployment_state import POLICY_REASONS
from airunway.messages.failure_endings import EITHER, ENDINGS, OF_MODEL_IMAGES, Ending
from airunway.messages.model_image_failures import BUILD_FAILED, REASONS
from tests.deploy.manifests import ROOT
from tools.generate.reference_conditions import failure_reasons

FINE = {"SupportedImage"}
"""The reason of a condition that is better False."""
ROOMS = ("airunway/api", "airunway/selection", "airunway/provider", "airunway/messages")
ROOMS += ("activities", "workflows", "providers")


def test_every_reason_in_the_code_is_in_the_table() -> None:
    found = {*failure_reasons(), *REASONS.values(), *POLICY_REASONS, BUILD_FAILED}

    assert len(found) > 50, "it does not look"
    assert found - ENDINGS.keys() == FINE


def test_every_reason_in_the_table_is_in_the_code() -> None:
    table = ROOT / "airunway/messages/failure_endings.py"
    texts = {
        node.value
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if file != table
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert ENDINGS.keys() - texts == set()


def calls() -> Iterator[tuple[str, dict[str, bool]]]:
    """Reasons of failures of steps, with what is said of how each ends."""
    for file in (ROOT / "activities").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "failed" and call.args:
                reason = call.args[0]
                if isinstance(reason, ast.Constant):
                    said = {
                        word.arg: word.value.value
                        for word in call.keywords
                        if word.arg and isinstance(word.value, ast.Constant)
                    }
                    yield str(reason.value), said


@pytest.mark.parametrize(("reason", "said"), [*calls()])
def test_a_step_says_of_its_failure_what_the_table_says(reason: str, said: dict[str, bool]) -> None:
    ending = ENDINGS[reason].ending

    assert bool(said.get("elsewhere")) == (ending is Ending.BACKOFF)
    if reason != "ImageResolutionFailed":  # of a name that is none it is final
        assert (said.get("final") is False) == (ending is Ending.TRIED_AGAIN)


def test_what_an_administrators_policy_refused_is_asked_again_by_the_audit() -> None:
    assert {ENDINGS[reason].ending for reason in POLICY_REASONS} == {Ending.AUDIT}


def test_every_reason_of_a_model_image_has_an_ending() -> None:
    assert {*REASONS.values(), BUILD_FAILED} <= {*OF_MODEL_IMAGES, EITHER}
