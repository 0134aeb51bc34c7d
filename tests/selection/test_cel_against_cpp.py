"""Random expressions of the documented subset, here and in Google's C++ evaluator.

The two reference implementations differ in corners that are left out of the generated expressions: `has`
on what is no map, and comparison of numbers of different types inside macros. Where C++ compiles and
evaluates an expression to a bool we must do the same, and where it cannot, neither may we.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cel_expr_python import cel
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airunway.selection.cel import Activation, evaluate
from airunway.selection.cel_input import as_doubles

SPEC: dict[str, Any] = as_doubles(
    json.loads((Path(__file__).parent / "cel_go_answers.json").read_text())["spec"]
)
SPEC.pop("as")
ENVIRONMENT = cel.NewEnv(variables={"spec": cel.Type.DYN})

READ = st.sampled_from(["spec.resources.gpu.count", "spec.scaling.replicas", "spec.nope", "spec.n"])
NUMBERS = READ | st.sampled_from(["0", "1", "2", "3u", "1.5", "2.0", "size(spec.env)", "dyn(1)"])
TEXTS = st.sampled_from(
    ["'vllm'", "''", "'gold'", "spec.engine.type", "spec.model.id", "spec.labels.tier", "string(1)"]
)
ANY = st.sampled_from(
    ["spec.nope", "spec.nope.deep", "spec.n", "null", "spec.env", "spec.engine", "[]", "spec.l"]
)

VALUES = READ | TEXTS | ANY
COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def joined(*parts: st.SearchStrategy[str], form: str) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda values: form.format(*values))


ATOMS = st.one_of(
    st.sampled_from(["true", "false", "spec.t", "spec.f", "has(spec.engine.type)", "has(spec.engine.x)"]),
    st.sampled_from(["has(spec.nope.x)", "has(spec.nope)", "'env' in spec", "'tier' in spec.labels"]),
    joined(VALUES, COMPARE, VALUES | NUMBERS, form="{} {} {}"),
    joined(READ, COMPARE, NUMBERS, form="{} {} {}"),
    joined(NUMBERS, NUMBERS, NUMBERS, form="{} in [{}, {}]"),
    joined(
        TEXTS, st.sampled_from(["contains", "startsWith", "endsWith", "matches"]), TEXTS, form="{}.{}({})"
    ),
    joined(NUMBERS, st.sampled_from("+-*/"), NUMBERS, COMPARE, READ, form="{} {} {} {} {}"),
    joined(TEXTS, TEXTS, TEXTS, form="{} + {} == {}"),
    joined(COMPARE, TEXTS, form="spec.env.exists(e, e.value {} {})"),
    joined(COMPARE, TEXTS, form="spec.env.all(e, e.name {} {})"),
    joined(TEXTS, form="spec.env.map(e, e.name).exists(n, n == {})"),
    joined(NUMBERS, form="spec.env.filter(e, has(e.value)).size() == {}"),
    joined(TEXTS, form="spec.env.exists_one(e, e.name == {})"),
)
RULES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        joined(inner, inner, form="({} && {})"),
        joined(inner, inner, form="({} || {})"),
        joined(inner, form="!({})"),
        joined(inner, inner, inner, form="({} ? {} : {})"),
    ),
    max_leaves=6,
)


def in_cpp(condition: str) -> bool | None:
    """The answer of the C++ evaluator; None for an error, or another type than bool."""
    try:
        value = ENVIRONMENT.compile(condition).eval(data={"spec": SPEC})
    except Exception:  # its bindings raise many types
        return None
    plain = value.plain_value() if value.type() == cel.Type.BOOL else None
    return plain if isinstance(plain, bool) else None


@settings(max_examples=400)
@given(RULES)
@example("true ? true : spec.n < null")  # compiles, although no value fits
@example("true || null < null")
def test_a_rule_has_the_answer_of_the_cpp_evaluator(condition: str) -> None:
    ours = evaluate(condition, Activation(SPEC))

    assert (None if ours.error else ours.matched) == in_cpp(condition), ours.error
