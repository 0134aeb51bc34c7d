"""`select/cel`: does one rule match one spec, and what of the spec does it see?"""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.rules import EVALUATOR, RULES
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", EVALUATOR.cases())
def test_the_evaluator_agrees_on_what_the_reference_saw(vector: Vector) -> None:
    assert disagreements(EVALUATOR, vector) == []


@pytest.mark.parametrize("vector", RULES.cases())
def test_a_rule_matches_as_recorded(vector: Vector) -> None:
    assert disagreements(RULES, vector) == []
