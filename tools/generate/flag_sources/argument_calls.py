"""Flags that a Python source adds to a parser: argparse, vLLM's `get_kwargs`, Dynamo's helpers, click."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.generate.flag_sources.annotations import Classes

Flag = tuple[str, list[str]]
"""Kind, and the option strings with their dashes."""

_SWITCHES = {
    *("store_true", "store_false", "store_const", "count", "version", "help"),
    *("DeprecatedAction", "DeprecatedStoreTrueAction"),
}
_NUMBERS = {"int", "float", "human_readable_int", "human_readable_int_or_auto"}
_JSON = {"json.loads", "json_list_type"}


class Calls:
    """What the functions of some files add, in the order of the source."""

    def __init__(self, files: Iterable[Path], classes: Classes | None = None) -> None:
        self._classes = classes
        self._modules = [ast.parse(file.read_text(encoding="utf-8")) for file in files]

    def flags(self, *scopes: str) -> list[Flag]:
        """The flags of the named functions and classes; of all that is there when none is named."""
        found: list[Flag] = []
        for module in self._modules:
            for node in _within(module, scopes):
                found += self._of(node)
        return found

    def _of(self, scope: ast.AST) -> Iterator[Flag]:
        tables, changed = self._tables(scope)
        for node in ast.walk(scope):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "add_negatable_bool_argument":
                yield "negatable", _helper_names(node)
            elif name in ("add_argument", "option"):
                names = [*_literal_names(node), *_helper_names(node)]
                if names:
                    yield _kind(_keywords(node, tables, changed), click=name == "option"), names

    def _tables(
        self, scope: ast.AST
    ) -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], dict[str, str]]]:
        """Variables that hold `get_kwargs(Class)`, and what is assigned to entries of them later."""
        tables: dict[str, dict[str, str]] = {}
        changed: dict[tuple[str, str], dict[str, str]] = {}
        for node in ast.walk(scope):
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name) and isinstance(value, ast.Call) and self._classes:
                name = getattr(value.args[0], "id", "cls") if value.args else "cls"
                # `get_kwargs(cls)` is of whatever class: its fields are read elsewhere.
                if getattr(value.func, "id", "") == "get_kwargs" and name != "cls":
                    tables[target.id] = self._classes.kinds(name)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Subscript):
                entry = _entry(target.value)
                if entry:
                    changed.setdefault(entry, {})[_text(target.slice)] = ast.unparse(value)
        return tables, changed


def _within(module: ast.Module, scopes: tuple[str, ...]) -> Iterator[ast.AST]:
    if not scopes:
        yield module
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in scopes:
            yield node


def _literal_names(node: ast.Call) -> list[str]:
    texts = [entry.value for entry in node.args if isinstance(entry, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and text.startswith("-")]


def _helper_names(node: ast.Call) -> list[str]:
    given = {entry.arg: entry.value for entry in node.keywords if entry.arg}
    found = [given[key] for key in ("flag_name", "obsolete_flag") if key in given]
    return [_text(entry) for entry in found if _text(entry).startswith("-")]


def _keywords(
    node: ast.Call,
    tables: dict[str, dict[str, str]],
    changed: dict[tuple[str, str], dict[str, str]],
) -> dict[str, str]:
    """Keywords as source text; `kind` for what a table says about the field."""
    found: dict[str, str] = {}
    for keyword in node.keywords:
        if keyword.arg:
            found[keyword.arg] = ast.unparse(keyword.value)
            continue
        for inner in ast.walk(keyword.value):
            entry = _entry(inner) if isinstance(inner, ast.Subscript) else None
            if entry and entry[0] in tables:
                found = {"kind": tables[entry[0]][entry[1]], **changed.get(entry, {}), **found}
    return found


def _entry(node: ast.Subscript) -> tuple[str, str] | None:
    if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
        return node.value.id, str(node.slice.value)
    return None


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _kind(given: dict[str, str], *, click: bool) -> str:
    action = given.get("action", "").strip("\"'")
    kind = given.get("kind", "")
    if "BooleanOptionalAction" in action:
        return "negatable"
    if action in _SWITCHES or "is_flag" in given:
        return "switch"
    if action == "append" or (click and given.get("multiple") == "True"):
        return "repeated"
    type_name = given.get("type", given.get("arg_type", ""))
    nargs = given.get("nargs", "").strip("\"'")
    if nargs == "?":
        return "optional"
    if nargs:
        return "numbers" if type_name in _NUMBERS else "list"
    if any(word in type_name for word in _JSON):
        return "json"
    if kind:
        return kind
    return "number" if type_name in _NUMBERS else "text"
