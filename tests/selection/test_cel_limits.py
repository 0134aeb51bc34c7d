"""Rules that mean harm, or none that anybody can read: an error each, quickly, and never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.api.provider_config import SelectionRule
from airunway.selection.cel import RULE_BUDGET, Activation, check_rules, evaluate

MANY: dict[str, Any] = {
    "env": [{"name": f"A{n}", "value": "x" * 10} for n in range(3000)],
    "big": "x" * 1_000_000,
}


@pytest.mark.parametrize(
    "condition",
    [
        "spec.env.all(a, spec.env.all(b, a.name != 'z' || b.name != 'z'))",
        "spec.env.map(a, spec.env.map(b, spec.env)).size() > 0",
        "spec.env.map(a, spec.env + spec.env).size() > 0",
        "spec.env.all(a, spec == spec)",
        "spec.env.all(a, a in spec.env || true)",
        "spec.env.all(a, !spec.big.contains('y'))",
        "spec.env.all(a, !spec.big.matches('(x+x+)+y'))",
        "spec.env.all(a, !'a'.matches(a.name + '(x{1,900}y{1,900}){1,2}'))",
        "spec.env.all(a, spec.big + 'a' != spec.big + 'b')",
        "[1, 2, 3].all(x, spec.env.all(a, spec.env.all(b, true)))",
        "spec.env.all(a, spec.env.exists_one(b, false) || true)",
        f"size({' + '.join(['spec.big'] * 200)}) > 0",
        "spec.env.all(a, spec.env.all(b, spec.nope)) || true",
    ],
)
def test_an_expensive_rule_is_cut_off(condition: str) -> None:
    activation = Activation(MANY)

    result = evaluate(condition, activation)

    assert not result.matched
    assert result.error == "the rule takes too many steps"


def test_the_rules_of_one_decision_share_a_budget() -> None:
    activation = Activation(MANY, budget=RULE_BUDGET + 10)
    expensive = "spec.env.all(a, spec.env.all(b, true))"

    first = evaluate(expensive, activation)
    second = evaluate("spec.env.exists(a, a.name == 'A2999')", activation)
    third = evaluate("size(spec.env) == 3000", activation)

    assert [first.matched, second.matched, third.matched] == [False, False, True]


def test_an_ordinary_rule_over_a_large_spec_is_within_the_budget() -> None:
    result = evaluate("spec.env.exists(a, a.name == 'A2999' && a.value.startsWith('x'))", Activation(MANY))

    assert result.matched


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 10_000 + "true" + ")" * 10_000,
        "(" * 2000 + "true" + ")" * 2000,
        "(" * 101 + "true" + ")" * 101,
        "dyn(" * 300 + "true" + ")" * 300,
        "[" * 500 + "]" * 500,
        "{1:" * 500 + "1" + "}" * 500,
        "[1].all(a," * 150 + "true" + ")" * 150,
        "true ? true : " * 200 + "true",
        "spec" + ".a" * 300,
        "spec" + "[0]" * 300,
        "1" + "+1" * 300 + " > 0",
        "spec.a" + ".size()" * 300,
        "'" + "a" * 100_000 + "' == 'a'",
        "true || " * 3000 + "true",
        "1" * 9000,
        "1" * 9000 + ".5 > 1.0",
        "'''" * 3000,
        '"' * 9999,
        "-" * 9998 + "a",
        "'" + "\\n" * 4000,
        '"""' + "\\x41" * 2000,
        "spec.matches('" + "a" * 2000 + "')",
        " || ".join(["'a'.matches('b')"] * 50),
    ],
)
def test_a_huge_or_deep_expression_is_an_error(condition: str) -> None:
    result = evaluate(condition, Activation({}))

    assert not result.matched
    assert result.error


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 99 + "true" + ")" * 99,
        " || ".join(["false"] * 1000 + ["true"]),
        "!" * 9000 + "true",
        "[" + ", ".join(["1"] * 3000) + "].size() == 3000",
        "'" + "a" * 9000 + "'.size() == 9000",
    ],
)
def test_a_long_expression_within_the_limits_works(condition: str) -> None:
    assert evaluate(condition, Activation({})).matched


def test_a_syntax_error_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluate("spec.engine.type ==", Activation({}))

    assert "syntax error" in result.error
    assert capsys.readouterr() == ("", "")


def test_messages_cannot_be_built() -> None:
    result = evaluate("google.protobuf.Int32Value{value: 1} == 1", Activation({}))

    assert "messages" in result.error


def test_values_nested_without_end_do_not_end_the_interpreter() -> None:
    left: list[Any] = []
    right: list[Any] = []
    for _ in range(5000):
        left, right = [left], [right]

    result = evaluate("spec.a == spec.b", Activation({"a": left, "b": right}))

    assert result.error == "values are nested too deeply"


def test_text_that_is_no_unicode_is_an_error_only_where_it_is_read() -> None:
    broken = {"text": "\ud800"}

    assert evaluate("spec.text == 'a' || size(spec.text) == 1", Activation(broken)).matched
    assert evaluate("spec.text.matches('a')", Activation(broken)).error


@given(st.text(alphabet="spec.engine['\"]() &|!=<>+-*/%?:,{}[]0123456789aruRbxU\\\n\t", max_size=60))
def test_any_text_gives_a_result(condition: str) -> None:
    result = evaluate(condition, Activation({"engine": {"type": "vllm"}}))

    assert not (result.matched and result.error)


def test_the_broken_rules_of_a_config_are_listed() -> None:
    rules = [
        SelectionRule(condition=text)
        for text in ("true", "spec.engine.type ==", "spec.nope.x == 1", "foo", "1 < 2.0", "'text'", "")
    ]

    found = check_rules(rules)

    assert [error.index for error in found] == [1, 3, 4, 6]
    assert "undeclared reference to 'foo'" in found[1].error
    assert found[1].condition == "foo"
