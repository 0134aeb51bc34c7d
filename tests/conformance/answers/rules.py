"""`select/cel`: does one rule match one spec, and what of the spec does it see?"""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import DeploymentSpec
from airunway.selection.cel import Activation, evaluate
from airunway.selection.cel_input import as_doubles, rule_input
from tests.conformance.answers.question import Question
from tests.conformance.compare import some_text
from tests.conformance.diff import Document
from tests.conformance.loader import Vector


def outcome(matched: Any, error: Any) -> Document:
    return {"matched": matched, "error": some_text(error)}


def evaluated(condition: str, spec: Any) -> Document:
    result = evaluate(condition, Activation(spec))
    return outcome(result.matched, result.error)


def answers(vector: Vector) -> tuple[Document, Document]:
    view = rule_input(DeploymentSpec.model_validate({"model": {}, **vector.input["spec"]}))
    recorded = outcome(vector.expect["matched"], vector.expect.get("error"))
    return (
        {**recorded, "rule_sees": vector.expect.get("rule_sees")},
        {**evaluated(vector.input["condition"], view), "rule_sees": view},
    )


def answers_to_what_was_seen(vector: Vector) -> tuple[Document, Document]:
    seen = as_doubles(vector.expect["rule_sees"])
    recorded = outcome(vector.expect["matched"], vector.expect.get("error"))
    return recorded, evaluated(vector.input["condition"], seen)


RULES = Question(name="select", group="select", files=("cel",), answers=answers)
EVALUATOR = Question(
    name="select-seen",
    group="select",
    files=("cel",),
    answers=answers_to_what_was_seen,
    rules=("select-seen",),
)
