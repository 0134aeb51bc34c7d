"""Expressions whose answers were recorded from the reference implementation of the language, cel-go 0.26."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunway.selection.cel import Activation, evaluate
from airunway.selection.cel_input import as_doubles

RECORDED = json.loads((Path(__file__).parent / "cel_go_answers.json").read_text())
SPEC = as_doubles(RECORDED["spec"])


@pytest.mark.parametrize(("condition", "answer"), RECORDED["cases"])
def test_an_expression_has_the_recorded_answer(condition: str, answer: str) -> None:
    result = evaluate(condition, Activation(SPEC))

    if answer == "not a bool":
        assert "not a bool" in result.error
    else:
        got = "error" if result.error else str(result.matched).lower()
        assert got == answer, result.error
