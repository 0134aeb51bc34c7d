"""Selection rules: CEL conditions over `spec`, evaluated as cel-go 0.26 does with default options.

celpy parses and evaluates: one compiled program per expression, with our functions in its table. celpy alone
follows other rules than the reference: it neither compares numbers of different types nor checks types
before, its errors in `has` and `? :` differ, and nothing bounds what a rule may cost. So these are ours: the
functions, a static check of its tree, and a few rules of its evaluator.

Limits, so that a hostile rule costs little: 10 000 characters, 100 nested expressions, 250 operators on top
of each other, 20 regular expressions, and a budget of steps for a rule and for all rules of one decision.
Beyond them a rule has an error, like any rule that cannot be evaluated; nothing here raises. Not supported:
construction of protocol buffer messages, timestamps and durations, none of which a spec can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celpy.evaluation import CELEvalError

from airunway.api.provider_config import SelectionRule
from airunway.selection.cel.checker import VARIABLE
from airunway.selection.cel.compiler import compile_rule
from airunway.selection.cel.errors import BudgetExceeded, CompileError, Fault
from airunway.selection.cel.evaluator import Bindings, RuleRunner
from airunway.selection.cel.values import type_name

RULE_BUDGET = 100_000
"""Steps of one evaluation: some 0.15 s."""
DECISION_BUDGET = 500_000
"""Steps of all rules of one decision together."""
_CACHED = 512
_MAX_ERROR_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """Whether a rule matches; with an error it never does."""

    matched: bool
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class RuleError:
    """A rule of a config that can never match."""

    index: int
    condition: str
    error: str


class Activation:
    """A rule view (`airunway.selection.cel_input`) with the budget that its evaluations share."""

    def __init__(self, spec: Any, *, budget: int = DECISION_BUDGET) -> None:
        self.budget = budget
        self._allowed = 0
        self._bindings = Bindings({VARIABLE: spec}, self._charge)

    def run(self, program: RuleRunner) -> Any:
        """The value of one evaluation. Raises CELEvalError or Fault."""
        allowed = self._allowed = min(RULE_BUDGET, self.budget)
        try:
            return program.evaluate(self._bindings)
        finally:
            self.budget -= allowed - max(self._allowed, 0)

    def _charge(self, cost: int) -> None:
        self._allowed -= cost
        if self._allowed < 0:
            raise BudgetExceeded("the rule takes too many steps")


def evaluate(condition: str, activation: Activation) -> RuleResult:
    """Evaluate one rule."""
    program = _program(condition)
    if isinstance(program, str):
        return RuleResult(matched=False, error=program)
    try:
        value = activation.run(program)
    except (CELEvalError, Fault) as err:
        return RuleResult(matched=False, error=str(err)[:_MAX_ERROR_LENGTH])
    except RecursionError:
        return RuleResult(matched=False, error="values are nested too deeply")
    if value is True or value is False:
        return RuleResult(matched=value)
    return RuleResult(matched=False, error=f"the condition is a {type_name(value)}, not a bool")


def check_rules(rules: Sequence[SelectionRule]) -> list[RuleError]:
    """The rules of a config that do not compile."""
    found = []
    for index, rule in enumerate(rules):
        program = _program(rule.condition)
        if isinstance(program, str):
            found.append(RuleError(index=index, condition=rule.condition[:_MAX_ERROR_LENGTH], error=program))
    return found


@lru_cache(maxsize=_CACHED)
def _program(condition: str) -> RuleRunner | str:
    """The program, or why there is none."""
    try:
        return compile_rule(condition)
    except CompileError as err:
        return str(err)[:_MAX_ERROR_LENGTH]
