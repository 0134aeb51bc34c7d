"""Checked nodes to the tree that celpy's evaluator walks: celpy's own rules, without the levels in between.

What the checker found is part of it: constants are values already, names of types too, a literal pattern is
compiled, and a function of which types leave one overload has the name of that (`bytes@string`).
"""

from __future__ import annotations

from typing import Any

from lark import Token, Tree

from airunway.selection.cel.checker import VARIABLE
from airunway.selection.cel.errors import CelError
from airunway.selection.cel.functions import compiled
from airunway.selection.cel.syntax import Call, Fold, Ident, ListLiteral, Literal, MapLiteral, Node, Select
from airunway.selection.cel.values import TypeValue

Plan = Tree[Any]

_OPERATORS = {
    **{
        f"_{sign}_": ("relation", f"relation_{name}")
        for sign, name in (
            ("<", "lt"),
            ("<=", "le"),
            (">", "gt"),
            (">=", "ge"),
            ("==", "eq"),
            ("!=", "ne"),
            ("in", "in"),
        )
    },
    "_+_": ("addition", "addition_add"),
    "_-_": ("addition", "addition_sub"),
    "_*_": ("multiplication", "multiplication_mul"),
    "_/_": ("multiplication", "multiplication_div"),
    "_%_": ("multiplication", "multiplication_mod"),
}
_FLAT = {"_||_": "conditionalor", "_&&_": "conditionaland", "_?_:_": "expr", "_[_]": "member_index"}
_SIGNS = {"!_": "unary_not", "-_": "unary_neg"}


def plan(node: Node, scope: frozenset[str] = frozenset({VARIABLE})) -> Plan:
    """The tree of a checked expression."""
    if isinstance(node, Literal):
        return Tree("literal", [node.value])
    if isinstance(node, Ident):
        return _named(node.name, scope)
    if isinstance(node, Select):
        return _selected(node, scope)
    if isinstance(node, Fold):
        return _fold(node, scope)
    if isinstance(node, ListLiteral):
        return _primary("list_lit", _all(node.items, scope))
    if isinstance(node, MapLiteral):
        parts = [part for entry in node.entries for part in entry]
        return _primary("map_lit", Tree("mapinits", _all(parts, scope).children))
    assert isinstance(node, Call)
    return _call(node, scope)


def _primary(rule: str, *children: Any) -> Plan:
    return Tree("primary", [Tree(rule, list(children))])


def _all(nodes: list[Node], scope: frozenset[str]) -> Plan:
    return Tree("exprlist", [plan(node, scope) for node in nodes])


def _word(name: str) -> Token:
    return Token("IDENT", name)


def _named(name: str, scope: frozenset[str]) -> Plan:
    return _primary("ident", _word(name)) if name in scope else Tree("literal", [TypeValue(name)])


def _selected(node: Select, scope: frozenset[str]) -> Plan:
    found: Plan = Tree("member_dot", [plan(node.operand, scope), _word(node.field)])
    return _primary("ident_arg", _word("has"), Tree("exprlist", [found])) if node.test else found


def _fold(node: Fold, scope: frozenset[str]) -> Plan:
    inner = scope | {node.variable}
    parts = [part for part in (node.condition, node.transform) if part]
    body = [_named(node.variable, inner), *_all(parts, inner).children]
    return Tree("member_dot_arg", [plan(node.range, scope), _word(node.kind), Tree("exprlist", body)])


def _call(node: Call, scope: frozenset[str]) -> Plan:
    name, args = node.function, _all(node.args, scope)
    if name in _FLAT:
        return Tree(_FLAT[name], args.children)
    if name in _SIGNS:
        return Tree("unary", [Tree(_SIGNS[name], []), *args.children])
    if name in _OPERATORS:
        rule, sign = _OPERATORS[name]
        left, right = args.children
        return Tree(rule, [Tree(sign, [left]), right])
    if name == "matches" and isinstance(pattern := node.args[-1], Literal):
        args.children[-1] = Tree("literal", [_pattern(pattern.value)])
    word = _word(f"{name}@{node.only}" if node.only else name)
    if node.target is None:
        return _primary("ident_arg", word, args)
    return Tree("member_dot_arg", [plan(node.target, scope), word, args])


def _pattern(text: str) -> Any:
    """The compiled pattern; one that cannot be compiled is an error where it is evaluated."""
    try:
        return compiled(text)
    except CelError:
        return text
