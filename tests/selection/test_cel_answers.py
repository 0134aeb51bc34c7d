"""Expressions whose answers were recorded from the reference implementation of the language, cel-go 0.26.

`cases` has what is answered alike; `refused` what is refused here whatever the reference answers, and why.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunway.api.provider_config import SelectionRule
from airunway.selection.cel import Activation, check_rules, evaluate
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


@pytest.mark.parametrize(("condition", "answer"), RECORDED["refused"]["cases"])
def test_a_rule_about_time_is_refused_with_the_reason(condition: str, answer: str) -> None:
    (found,) = check_rules([SelectionRule(condition=condition)])
    result = evaluate(condition, Activation(SPEC))

    assert not result.matched
    assert result.error == found.error
    assert RECORDED["refused"]["reason"] in result.error


def test_no_way_past_an_error_leads_to_a_rule_about_time() -> None:
    result = evaluate("true || timestamp(0) == timestamp(0)", Activation(SPEC))

    assert result.error == "timestamp: rules have no timestamps and durations, since a spec holds none"
