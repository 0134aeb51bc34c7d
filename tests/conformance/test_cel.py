"""`select/cel`: does one rule match one spec, and what of the spec does it see?"""

from __future__ import annotations

import pytest

from airunway.api.model_deployment import DeploymentSpec
from airunway.selection.cel import Activation, evaluate
from airunway.selection.cel_input import as_doubles, rule_input
from tests.conformance import compare
from tests.conformance.departures import unexcused
from tests.conformance.loader import Vector, cases


@pytest.mark.parametrize("vector", cases("select", ["cel"]))
def test_the_evaluator_agrees_on_what_the_reference_saw(vector: Vector) -> None:
    seen = as_doubles(vector.expect["rule_sees"])

    result = evaluate(vector.input["condition"], Activation(seen))

    found = compare.differences(vector.expect["matched"], result.matched, "matched")
    found += compare.presence(vector.expect.get("error"), result.error, "error")
    left, used = unexcused(found, group=vector.group, file=vector.file, given=vector.input)
    assert not left
    assert set(used) <= {"rule-limits", "rule-budget", "rule-messages", "rule-times"}


@pytest.mark.parametrize("vector", cases("select", ["cel"]))
def test_a_rule_matches_as_recorded(vector: Vector) -> None:
    view = rule_input(DeploymentSpec.model_validate({"model": {}, **vector.input["spec"]}))

    result = evaluate(vector.input["condition"], Activation(view))

    found = compare.differences(vector.expect["matched"], result.matched, "matched")
    found += compare.presence(vector.expect.get("error"), result.error, "error")
    found += compare.differences(vector.expect.get("rule_sees"), view, "rule_sees")
    left, _ = unexcused(found, group=vector.group, file=vector.file, given=vector.input)
    assert not left
