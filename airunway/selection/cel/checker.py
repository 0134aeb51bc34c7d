"""Static check of a tree: undeclared names, and types that cannot fit. As the checker of cel-go 0.26."""

from __future__ import annotations

from airunway.selection.cel.declarations import BOUND_ONE_BY_ONE, FUNCTIONS, OF_TIMES, TYPE_NAMES, Overload
from airunway.selection.cel.errors import CompileError
from airunway.selection.cel.syntax import Call, Fold, Ident, ListLiteral, Literal, MapLiteral, Node, Select
from airunway.selection.cel.types import (
    BOOL,
    DYN,
    INT,
    Substitutions,
    Type,
    list_of,
    map_of,
    most_general,
    params,
    type_of,
)
from airunway.selection.cel.values import INT_MAX, type_name

VARIABLE = "spec"
MAX_PATTERNS = 20
"""Calls of `matches` in one expression; each costs a regular expression of its own."""


def check(tree: Node) -> None:
    """Raises CompileError when the expression would not compile."""
    _Checker().type_of(tree)


class _Checker:
    def __init__(self) -> None:
        self._subs = Substitutions()
        self._variables: dict[str, Type] = {VARIABLE: DYN}
        self._mixed = False
        self._patterns = 0
        self._matched: list[Overload] = []

    def type_of(self, node: Node) -> Type:
        if isinstance(node, Literal):
            if type(node.value) is int and node.value > INT_MAX:
                raise CompileError(f"invalid int literal {node.value}")
            return (type_name(node.value),)
        if isinstance(node, Ident):
            return self._named(node.name)
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Fold):
            return self._fold(node)
        if isinstance(node, ListLiteral):
            element: Type | None = None
            for item in node.items:
                element = self._joined(element, self.type_of(item))
            return list_of(element or self._subs.fresh())
        assert isinstance(node, MapLiteral)
        keys: Type | None = None
        values: Type | None = None
        for key, value in node.entries:
            keys = self._joined(keys, self.type_of(key))
            values = self._joined(values, self.type_of(value))
        return map_of(keys or self._subs.fresh(), values or self._subs.fresh())

    def _named(self, name: str) -> Type:
        if name in self._variables:
            return self._variables[name]
        if name in TYPE_NAMES:
            return type_of(TYPE_NAMES[name])
        _refuse_times(name)
        raise CompileError(f"undeclared reference to '{name}'")

    def _select(self, node: Select) -> Type:
        operand = self._subs.apply(self.type_of(node.operand))
        if operand[0] == "map":
            result = params(operand)[1]
        elif operand[0] in ("dyn", "param"):
            self._subs.assignable((DYN,), (operand,))
            result = DYN
        else:
            raise CompileError(f"type '{shown(operand)}' does not support field selection")
        return BOOL if node.test else self._subs.apply(result)

    def _call(self, node: Call) -> Type:
        if node.function in ("_||_", "_&&_"):
            return self._logic(node.args)
        _refuse_times(node.function)
        args = [self.type_of(arg) for arg in node.args]
        if node.target is not None:
            args.insert(0, self.type_of(node.target))
        if node.function == "matches":
            self._patterns += 1
            if self._patterns > MAX_PATTERNS:
                raise CompileError(f"more than {MAX_PATTERNS} calls of matches")
        if node.function == "_[_]":
            self._check_index(node.args[1])
        overloads = FUNCTIONS.get(node.function)
        if overloads is None:
            raise CompileError(f"undeclared reference to '{node.function}'")
        result = self._resolve(node.function, overloads, args, member=node.target is not None)
        if len(self._matched) == 1 and node.function in BOUND_ONE_BY_ONE:
            node.only = str(self._matched[0].args[0][0])
        return result

    def _check_index(self, key: Node) -> None:
        """A constant that can be no index is an error of the whole rule, which no `||` absorbs."""
        if isinstance(key, Ident) and key.name not in self._variables:
            raise CompileError("invalid qualifier type: type")
        if isinstance(key, Literal) and (key.value is None or isinstance(key.value, bytes)):
            raise CompileError(f"invalid qualifier type: {type_name(key.value)}")

    def _logic(self, terms: list[Node]) -> Type:
        """A chain of `||` or `&&`, in the order of the balanced tree that the reference makes of it."""
        if len(terms) == 1:
            return self.type_of(terms[0])
        middle = (len(terms) + 1) // 2
        left, right = self._logic(terms[:middle]), self._logic(terms[middle:])
        self._fit(left, BOOL)
        self._fit(right, BOOL)
        return BOOL

    def _resolve(
        self, function: str, overloads: list[Overload], args: list[Type], *, member: bool = False
    ) -> Type:
        result: Type | None = None
        self._matched = []
        for overload in overloads:
            if overload.member != member or len(overload.args) != len(args):
                continue
            if overload.mixed and not self._mixed:
                continue
            wanted, gives = self._instance(overload)
            if not self._subs.assignable(tuple(args), wanted):
                continue
            self._matched.append(overload)
            found = self._subs.apply(gives)
            if result is None:
                result = found
            elif result != DYN and found != result:
                result = DYN
        if result is None:
            given = ", ".join(shown(self._subs.apply(arg)) for arg in args)
            raise CompileError(f"found no matching overload for '{function}' applied to '({given})'")
        return result

    def _instance(self, overload: Overload) -> tuple[tuple[Type, ...], Type]:
        """The signature with type parameters of its own."""
        if not overload.generic:
            return overload.args, overload.result
        names: dict[Type, Type] = {}

        def renamed(of: Type) -> Type:
            if of[0] == "param":
                return names.setdefault(of, self._subs.fresh())
            return (of[0], *(renamed(part) for part in params(of)))

        return tuple(renamed(arg) for arg in overload.args), renamed(overload.result)

    def _joined(self, joined: Type | None, kind: Type) -> Type:
        """The element type of a literal so far; dyn when the elements differ."""
        if joined is None:
            return kind
        return most_general(joined, kind) if self._subs.assignable((joined,), (kind,)) else DYN

    def _fold(self, node: Fold) -> Type:
        over = self._subs.apply(self.type_of(node.range))
        if over[0] in ("list", "map"):
            element = params(over)[0]
        elif over[0] in ("dyn", "param"):
            self._subs.assignable((DYN,), (over,))
            element = DYN
        else:
            raise CompileError(f"expression of type '{shown(over)}' cannot be range of a comprehension")
        self._mixed = True
        outer = dict(self._variables)
        self._variables[node.variable] = element
        result = self._folded(node, element)
        self._variables = outer
        return result

    def _folded(self, node: Fold, element: Type) -> Type:
        condition = self.type_of(node.condition) if node.condition else BOOL
        if node.kind in ("all", "exists"):
            self._fit(condition, BOOL)
            return BOOL
        conditional = FUNCTIONS["_?_:_"]
        if node.kind == "exists_one":
            self._resolve("_?_:_", conditional, [condition, INT, INT])
            return BOOL
        collected = list_of(self._subs.fresh())
        item = self.type_of(node.transform) if node.transform else element
        step = self._resolve("_+_", FUNCTIONS["_+_"], [collected, list_of(item)])
        if node.condition:
            step = self._resolve("_?_:_", conditional, [condition, step, collected])
        self._fit(collected, step)
        return self._subs.apply(collected)

    def _fit(self, kind: Type, wanted: Type) -> None:
        if not self._subs.assignable((kind,), (wanted,)):
            raise CompileError(f"expected type '{shown(wanted)}' but found '{shown(self._subs.apply(kind))}'")


def _refuse_times(name: str) -> None:
    if name in OF_TIMES:
        raise CompileError(f"{name}: rules have no timestamps and durations, since a spec holds none")


def shown(of: Type) -> str:
    """A type as text."""
    if of[0] == "param":
        return "dyn"
    inner = ", ".join(shown(part) for part in params(of))
    return f"{of[0]}({inner})" if inner else str(of[0])
