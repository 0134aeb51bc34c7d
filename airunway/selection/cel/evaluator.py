"""celpy's evaluator, with the rules of cel-go 0.26 where another function in its table is not enough.

celpy evaluates operators, calls, indexing, lists and names, with our functions (`functions.Metered`). Here
is what cel-go does otherwise: `||`, `&&` and the macros absorb errors, `? :` does not, `has` needs the path
up to the field, maps keep the types of their keys. In a macro every visit is charged to the budget;
outside there are few, since a rule's size is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import celpy
from celpy.evaluation import Activation, CELEvalError, Evaluator
from lark import Tree

from airunway.selection.cel.errors import CelError, no_overload
from airunway.selection.cel.functions import Metered
from airunway.selection.cel.plan import Plan
from airunway.selection.cel.values import MISSING, CelMap, Meter, is_map, map_find, map_keys

_VISIT = 5
"""Steps of one visit, which takes some 7 µs."""
_RELATIONS = {
    "relation_lt": "_<_",
    "relation_le": "_<=_",
    "relation_ge": "_>=_",
    "relation_gt": "_>_",
    "relation_eq": "_==_",
    "relation_ne": "_!=_",
    "relation_in": "_in_",
}
_FOLDS = {"all", "exists", "exists_one", "filter", "map"}


class Bindings(Activation):
    """The variables of evaluations, and the functions, which share a budget.

    celpy's own lookup follows packages and parents, at ten times the cost.
    """

    def __init__(self, variables: dict[str, Any], charge: Meter) -> None:
        super().__init__(functions=Metered(charge))
        self.variables = variables
        self.charge = charge

    def resolve_variable(self, name: str) -> Any:
        """The value of a variable, which the checker has seen declared."""
        return self.variables[name]


class RuleRunner(celpy.Runner):
    """A program of celpy: a plan, evaluated as often as wanted."""

    def evaluate(self, activation: Any) -> Any:
        """The value. Raises CELEvalError or Fault."""
        return RuleEvaluator(self.ast, activation).evaluate()


class RuleEvaluator(Evaluator):
    """One evaluation of a plan."""

    def __init__(self, ast: Plan, activation: Bindings) -> None:
        super().__init__(ast, activation)
        self._charge = activation.charge
        self._variables = activation.variables
        self._in_macro = False

    def visit(self, tree: Plan) -> Any:
        """One step."""
        if self._in_macro:
            self._charge(_VISIT)
        value = getattr(self, tree.data)(tree)
        if isinstance(value, CELEvalError):  # where celpy would hand on the error as a value
            raise value
        return value

    def visit_children(self, tree: Plan) -> list[Any]:
        """The values of the children; what is no tree is a value already."""
        return [self.visit(child) if isinstance(child, Tree) else child for child in tree.children]

    def literal(self, tree: Plan) -> Any:
        """A constant."""
        return tree.children[0]

    def exprlist(self, tree: Plan) -> list[Any]:
        """Arguments, or the elements of a list."""
        return self.visit_children(tree)

    def mapinits(self, tree: Plan) -> CelMap:
        """The keys and values of a map."""
        parts = self.visit_children(tree)
        return CelMap(list(zip(parts[::2], parts[1::2], strict=True)))

    def expr(self, tree: Plan) -> Any:
        """`? :`."""
        condition, then, otherwise = tree.children
        return self.visit(then if _truth(self.visit(condition)) else otherwise)

    def conditionalor(self, tree: Plan) -> bool:
        """A chain of `||`."""
        return _decided((partial(self.visit, term) for term in tree.children), by=True)

    def conditionaland(self, tree: Plan) -> bool:
        """A chain of `&&`."""
        return _decided((partial(self.visit, term) for term in tree.children), by=False)

    def relation(self, tree: Plan) -> Any:
        """`<`, `==`, `in` and the like, as celpy has them, which makes two types for every evaluation."""
        if len(tree.children) != 2:
            return super().relation(tree)
        operator = str(tree.children[0].data)
        function = self.activation.resolve_function(_RELATIONS[operator])
        (left, *_), right = self.visit_children(tree)
        try:
            return function(left, right)
        except TypeError:
            return super().relation(tree)  # says what is wrong

    def member_dot(self, tree: Plan) -> Any:
        """`operand.field`."""
        operand, field = tree.children
        value = self.visit(operand)
        found = map_find(value, str(field)) if is_map(value) else MISSING
        if found is MISSING:
            raise CelError(f"no such key: {field}")
        return found

    def macro_has_eval(self, exprlist: Plan) -> Any:
        """`has(operand.field)`."""
        operand, field = exprlist.children[0].children
        value = self.visit(operand)
        if isinstance(value, list):
            raise CelError("unsupported index type 'string' in list")
        return is_map(value) and map_find(value, str(field)) is not MISSING

    def member_dot_arg(self, tree: Plan) -> Any:
        """A macro over a list or the keys of a map; else a call, which is celpy's."""
        name = str(tree.children[1])
        if name not in _FOLDS:
            return super().member_dot_arg(tree)
        over = self.visit(tree.children[0])
        if not isinstance(over, list) and not is_map(over):
            raise CelError("expected a list or map to iterate over")
        variable, *body = tree.children[2].children
        items = over if isinstance(over, list) else list(map_keys(over))
        return self._folded(name, items, str(variable.children[0].children[0]), body)

    def _folded(self, name: str, items: list[Any], variable: str, body: list[Plan]) -> Any:
        variables = self._variables
        outer, was_in_macro = variables.get(variable, MISSING), self._in_macro
        self._in_macro = True

        def run(item: Any, part: Plan) -> Any:
            variables[variable] = item
            return self.visit(part)

        try:
            if name in ("all", "exists"):
                return _decided((partial(run, item, body[0]) for item in items), by=name == "exists")
            if name == "map" and len(body) == 1:
                return [run(item, body[0]) for item in items]
            kept = [item for item in items if _truth(run(item, body[0]))]
            return self._kept(name, kept, lambda item: run(item, body[-1]))
        finally:
            self._in_macro = was_in_macro
            variables.pop(variable, None)
            if outer is not MISSING:
                variables[variable] = outer

    def _kept(self, name: str, kept: list[Any], transform: Callable[[Any], Any]) -> Any:
        if name == "exists_one":
            return len(kept) == 1
        return kept if name == "filter" else [transform(item) for item in kept]


def _decided(terms: Iterable[Callable[[], Any]], *, by: bool) -> bool:
    """`||` decides by true, `&&` by false. An error counts only when no term decides."""
    error: CELEvalError | None = None
    for term in terms:
        try:
            value: object = term()
        except CELEvalError as err:
            error = error or err
            continue
        if value is by:
            return by
        if value is not (not by):
            error = error or no_overload("||" if by else "&&")
    if error is not None:
        raise error
    return not by


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise no_overload("?:")
