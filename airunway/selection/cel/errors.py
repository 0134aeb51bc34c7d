"""What can go wrong with a rule.

CompileError      syntax, undeclared names, types that cannot fit
CelError          evaluation; absorbed by `||` and `&&` when the other side decides
BudgetExceeded    the rule is too expensive; never absorbed
"""

from __future__ import annotations

from celpy.evaluation import CELEvalError


class CompileError(Exception):
    """The expression cannot be compiled, whatever it is evaluated on."""


class CelError(CELEvalError):
    """An evaluation has no value: missing key, wrong type, division by zero, overflow."""


class Fault(Exception):
    """What the reference meets with a run-time fault, e.g. bytes as the key of a map."""


class BudgetExceeded(Fault):
    """An evaluation took more steps than it may."""


def no_overload(function: str) -> CelError:
    """The error of an operator or function on values that it is not defined for."""
    return CelError(f"no such overload: {function}")
