"""Rules of custom resources in CEL (`x-kubernetes-validations`), judged as an API server does.

Apart because they need cel-python (the extra `rules`); without it no rule is judged. Nor is one that asks for
more than CEL itself and `FUNCTIONS`, as optional fields (`?.`), `url` or `format`: it lets everything pass.
Costs are not limited, and rules are not checked when a definition is stored. Source:
k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from .causes import ruled
from .errors import Cause
from .fieldsets import key_element
from .quantities import number
from .schema import Node

_MACROS = frozenset({"has", "all", "exists", "exists_one", "map", "filter"})
_CORE = frozenset(
    (
        *("size", "contains", "startsWith", "endsWith", "matches", "int", "double", "string", "bool"),
        "duration",
    )
)
_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
"""Fields of these names, and those with odd characters, are called otherwise in a rule."""
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


@dataclass(frozen=True)
class Rule:
    """A compiled rule. `is_transition`: it compares with how it was."""

    program: Any
    is_transition: bool


def check(obj: Mapping[str, Any], node: Node, live: Mapping[str, Any] | None) -> Iterator[Cause]:
    """What rules say against an object. `live`: as it was; what did not change is not held against it."""
    yield from _check(obj, node, "", live)


def _check(value: Any, node: Node, path: str, old: Any) -> Iterator[Cause]:
    """`old`: None where there was none, or nobody can tell which it was."""
    if value is None or not node.has_rules:
        return
    for raw in node.raw.get("x-kubernetes-validations") or ():
        yield from _judge(raw, value, node, path, old)
    if isinstance(value, dict):
        for key, item in value.items():
            child = node.child(key)
            if child is not None:
                below = old.get(key) if isinstance(old, dict) and not node.atomic else None
                where = f"{path}.{key}" if path else key
                yield from _check(item, child, where if key in node.props else f"{path}[{key}]", below)
    elif isinstance(value, list) and node.items is not None:
        before = _by_key(old, node)
        for index, item in enumerate(value):
            known = before.get(_key(item, node)) if node.keys else None
            yield from _check(item, node.items, f"{path}[{index}]", known)


def _by_key(old: Any, node: Node) -> dict[str, Any]:
    return {_key(item, node): item for item in old} if node.keys and isinstance(old, list) else {}


def _key(item: Any, node: Node) -> str:
    return str(key_element(item, node)) if isinstance(item, dict) else ""


def _judge(raw: Mapping[str, Any], value: Any, node: Node, path: str, old: Any) -> Iterator[Cause]:
    rule, optional = _compiled(str(raw["rule"])), bool(raw.get("optionalOldSelf"))
    if rule is None or (old is None and not optional if rule.is_transition else old == value):
        return
    given = {"self": _in_cel(value, node)}
    if rule.is_transition:
        before = _in_cel(old, node)
        given["oldSelf"] = celtypes.ListType([] if old is None else [before]) if optional else before
    try:
        if bool(rule.program.evaluate(given)):
            return
        message = _message(raw, given)
    except CELEvalError as error:
        message = f"rule evaluation error: {error.args[0]} evaluating rule: {_message(raw, given)}"
    yield ruled(path + str(raw.get("fieldPath") or ""), value, message, str(raw.get("reason") or ""))


def _message(raw: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    expression = _compiled(str(raw["messageExpression"])) if raw.get("messageExpression") else None
    if expression is not None:
        try:
            said = str(expression.program.evaluate(given)).strip()
        except CELEvalError:
            said = ""
        if said and "\n" not in said:
            return said
    return str(raw.get("message") or f"failed rule: {str(raw['rule']).strip()}")


# -- rules ------------------------------------------------------------------------------------------------


def can_judge(text: str) -> bool:
    """Whether a rule holds here; else it lets everything pass."""
    return _compiled(text) is not None


@cache
def _compiled(text: str) -> Rule | None:
    """None for one that cannot be judged here."""
    environment = celpy.Environment()
    try:
        tree = environment.compile(text)
    except CELParseError:
        return None
    called = {str(part.children[1]) for part in tree.find_data("member_dot_arg")}
    called |= {str(part.children[0]) for part in tree.find_data("ident_arg")}
    if not called <= _MACROS | _CORE | FUNCTIONS.keys():
        return None
    names = {str(part.children[0]) for part in tree.find_data("ident")}
    return Rule(environment.program(tree, functions=dict(FUNCTIONS)), is_transition="oldSelf" in names)


def _value(optional: Any) -> Any:
    if not optional:
        raise ValueError("optional.none() dereference")
    return optional[0]


def _split(text: Any, by: Any) -> Any:
    return celtypes.ListType(celtypes.StringType(part) for part in str(text).split(str(by)))


FUNCTIONS: dict[str, Any] = {
    "lowerAscii": lambda text: celtypes.StringType(_ascii(text, str.lower)),
    "upperAscii": lambda text: celtypes.StringType(_ascii(text, str.upper)),
    "trim": lambda text: celtypes.StringType(str(text).strip()),
    "split": _split,
    "quantity": lambda text: number(str(text)),
    "isGreaterThan": lambda one, other: celtypes.BoolType(one > other),
    "isLessThan": lambda one, other: celtypes.BoolType(one < other),
    # Of `oldSelf` with `optionalOldSelf`: a list of one value, or of none.
    "hasValue": lambda optional: celtypes.BoolType(bool(optional)),
    "value": _value,
    "orValue": lambda optional, other: optional[0] if optional else other,
}
"""What Kubernetes has beyond CEL itself, and is judged here too."""


def _ascii(text: Any, change: Any) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in str(text))


# -- values -----------------------------------------------------------------------------------------------


def _in_cel(value: Any, node: Node) -> Any:
    """A value as a rule sees it: of an object the fields that its schema names, and no others."""
    if value is None:
        return None
    if isinstance(value, dict):
        fields = {
            _named(key, node): _in_cel(item, child)
            for key, item in value.items()
            if (child := node.child(key)) is not None
        }
        return celtypes.MapType({celtypes.StringType(key): item for key, item in fields.items()})
    if isinstance(value, list):
        items = node.items
        return celtypes.ListType([_in_cel(item, items) if items else json_to_cel(item) for item in value])
    if node.type == "number":
        return celtypes.DoubleType(value)
    if isinstance(value, str) and (read := _FORMATS.get(node.raw.get("format", ""))):
        return read(value)
    return json_to_cel(value)


_FORMATS: dict[str, Any] = {
    "byte": lambda text: celtypes.BytesType(base64.b64decode(text)),
    "date": lambda text: celtypes.TimestampType(f"{text}T00:00:00Z"),
    "date-time": lambda text: celtypes.TimestampType(text),
    "duration": lambda text: celtypes.DurationType(text),
}


def _named(key: str, node: Node) -> str:
    """What a field is called in a rule; keys of a map are called what they are."""
    if key not in node.props:
        return key
    if key in _RESERVED:
        return f"__{key}__"
    for odd, word in _ESCAPES.items():
        key = key.replace(odd, word)
    return key
