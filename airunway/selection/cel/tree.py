"""celpy's parse tree to the nodes that the checker reads, with the standard macros expanded.

celpy's grammar has a level for each precedence, and takes some texts that cel-go 0.26 refuses; those are
refused here.
"""

from __future__ import annotations

import re
from typing import Any

from lark import Token, Tree
from lark.exceptions import VisitError
from lark.visitors import Transformer_NonRecursive

from airunway.selection.cel.errors import CompileError
from airunway.selection.cel.syntax import Call, Fold, Ident, ListLiteral, Literal, MapLiteral, Node, Select
from airunway.selection.cel.values import INT_MAX, UINT_MAX, UInt

MAX_NESTING = 100
"""Expressions inside expressions. The reference allows 250; no rule comes near either."""

_NO_NAMES = {"in", "null", "true", "false"}
_RESERVED = {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"}
_RESERVED |= {"loop", "package", "namespace", "return", "var", "void", "while"}
_DOUBLE = re.compile(r"-?(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?")
_FOLDS = {("all", 2), ("exists", 2), ("exists_one", 2), ("filter", 2), ("map", 2), ("map", 3)}
_ACCUMULATOR = "__result__"
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


def nodes(tree: Tree[Token], texts: list[str | bytes]) -> Node:
    """The nodes of a parse tree; `texts`: see `literals`. Raises CompileError."""
    try:
        node = _Nodes(texts).transform(tree)
    except VisitError as err:
        raise err.orig_exc from None
    assert isinstance(node, Node)
    return node


def _binary(operator: str) -> Any:
    """The rule of an operator: its operand on the left, and the operator."""
    return lambda self, children: (f"_{operator}_", children[0])


def _operation(self: _Nodes, children: list[Any]) -> Node:
    """A rule for one level of precedence."""
    if len(children) == 1:
        return _node(children[0])
    (function, left), right = children
    return Call(function=function, args=[left, right])


def _chain(function: str) -> Any:
    """A rule for `||` or `&&`. One flat call for a chain, however long; in parentheses it means the same."""

    def rule(self: _Nodes, children: list[Any]) -> Node:
        left = _node(children[0])
        if len(children) == 1:
            return left
        if isinstance(left, Call) and left.function == function:
            left.append(children[1])
            return left
        return Call(function=function, args=children)

    return rule


def _first(self: _Nodes, children: list[Any]) -> Any:
    return children[0]


def _node(child: Any) -> Node:
    assert isinstance(child, Node)
    return child


class _Nodes(Transformer_NonRecursive[Token, Any]):
    """A method for each rule of celpy's grammar."""

    def __init__(self, texts: list[str | bytes]) -> None:
        super().__init__()
        self._texts = texts

    conditionalor, conditionaland = _chain("_||_"), _chain("_&&_")
    relation = addition = multiplication = _operation
    relation_lt, relation_le, relation_gt, relation_ge = map(_binary, ("<", "<=", ">", ">="))
    relation_eq, relation_ne, relation_in = map(_binary, ("==", "!=", "in"))
    addition_add, addition_sub = map(_binary, "+-")
    multiplication_mul, multiplication_div, multiplication_mod = map(_binary, "*/%")
    member = primary = _first

    def expr(self, children: list[Any]) -> Node:
        node = children[0] if len(children) == 1 else Call(function="_?_:_", args=children)
        node.nesting += 1
        if node.nesting > MAX_NESTING:
            raise CompileError(f"nested deeper than {MAX_NESTING} levels")
        return _node(node)

    def unary_not(self, children: list[Any]) -> str:
        return "!_"

    def unary_neg(self, children: list[Any]) -> str:
        return "-_"

    def unary(self, children: list[Any]) -> Node:
        if len(children) == 1:
            return _node(children[0])
        sign, operand = children
        if isinstance(operand, Literal) and not operand.closed and type(operand.value) in (int, float):
            if sign == "-_":
                return Literal(value=-operand.value)
        elif isinstance(operand, Call) and operand.function in ("!_", "-_") and not operand.closed:
            if operand.function != sign:
                raise CompileError("syntax error: ! and - in a row")
            return operand.args[0]  # an even number of signs is none, without a look at the operand
        return Call(function=sign, args=[operand])

    def literal(self, children: list[Token]) -> Node:
        token = children[0]
        if token.type.endswith("STRING_LIT"):
            return Literal(value=self._texts[int(token[1:-1])])
        return Literal(value=_CONSTANTS[token] if token in _CONSTANTS else _number(token))

    def paren_expr(self, children: list[Any]) -> Node:
        node = _node(children[0])
        if isinstance(node, Literal) and type(node.value) is int and node.value > INT_MAX:
            raise CompileError("invalid int literal")
        node.closed = True
        return node

    def exprlist(self, children: list[Any]) -> list[Any]:
        return children

    mapinits = fieldinits = exprlist

    def list_lit(self, children: list[Any]) -> Node:
        return ListLiteral(items=children[0] if children else [])

    def map_lit(self, children: list[Any]) -> Node:
        parts = children[0] if children else []
        return MapLiteral(entries=list(zip(parts[::2], parts[1::2], strict=True)))

    def ident(self, children: list[Token]) -> Node:
        return Ident(name=_name(children[0], free=True))

    dot_ident = ident

    def ident_arg(self, children: list[Any]) -> Node:
        name, args = _name(children[0], free=True), children[1] if len(children) > 1 else []
        if name != "has" or len(args) != 1:
            return Call(function=name, args=args)
        if not isinstance(args[0], Select):
            raise CompileError("invalid argument to has() macro")
        return Select(operand=args[0].operand, field=args[0].field, test=True)

    dot_ident_arg = ident_arg

    def member_dot(self, children: list[Any]) -> Node:
        return Select(operand=children[0], field=_name(children[1]))

    def member_index(self, children: list[Any]) -> Node:
        return Call(function="_[_]", args=children)

    def member_object(self, children: list[Any]) -> Node:
        raise CompileError("construction of messages is not supported")

    def member_dot_arg(self, children: list[Any]) -> Node:
        target, name, args = children[0], _name(children[1]), children[2] if len(children) > 2 else []
        if (name, len(args)) not in _FOLDS:
            return Call(function=name, args=args, target=target)
        variable = args[0]
        if not isinstance(variable, Ident):
            raise CompileError(f"{name}: argument must be a simple name")
        if variable.name == _ACCUMULATOR:
            raise CompileError("iteration variable overwrites accumulator variable")
        if name != "map":
            return Fold(kind=name, range=target, variable=variable.name, condition=args[1])
        condition = args[1] if len(args) == 3 else None
        return Fold(kind="map", range=target, variable=variable.name, condition=condition, transform=args[-1])


def _name(token: Token, *, free: bool = False) -> str:
    """A name; `free`: not after a dot, where reserved words are possible."""
    if token in _NO_NAMES:
        raise CompileError(f"syntax error: unexpected {token}")
    if free and token in _RESERVED:
        raise CompileError(f"reserved identifier: {token}")
    return str(token)


def _number(token: Token) -> int | float:
    if token.type == "FLOAT_LIT":
        value = float(token)
        if abs(value) == float("inf") or not _DOUBLE.fullmatch(token):
            raise CompileError(f"invalid double literal {token[:40]}")
        return value
    unsigned = token.type == "UINT_LIT"
    text = token.rstrip("uU") if unsigned else str(token)
    number = int(text, 16 if "0x" in text else 10) if len(text) < 100 else UINT_MAX + 1
    # 9223372036854775808 is an int once it is negated; the checker refuses it elsewhere.
    limit = UINT_MAX if unsigned else INT_MAX + 1
    if not (0 if unsigned else -limit) <= number <= limit:
        raise CompileError(f"invalid literal {token[:40]}")
    return UInt(number) if unsigned else number
