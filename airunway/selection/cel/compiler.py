"""An expression to a program of celpy: parsed by it, checked as cel-go does, evaluated by it."""

from __future__ import annotations

import logging

import celpy
from celpy.celparser import CELParseError, CELParser

from airunway.selection.cel.checker import check
from airunway.selection.cel.errors import CompileError
from airunway.selection.cel.evaluator import RuleRunner
from airunway.selection.cel.literals import taken_out
from airunway.selection.cel.plan import plan
from airunway.selection.cel.tree import nodes

MAX_LENGTH = 10_000
"""Characters of an expression. The reference takes ten times as many; no rule comes near either."""


def _environment() -> celpy.Environment:
    environment = celpy.Environment()
    parser = CELParser.CEL_PARSER
    assert parser is not None
    logging.getLogger("celpy").setLevel(logging.WARNING)  # below, it logs every node it visits
    # celpy builds its parser with `debug`, which prints the state of it on every syntax error.
    parser.parser.parser.parser.debug = False
    return environment


_ENVIRONMENT = _environment()


def compile_rule(text: str) -> RuleRunner:
    """The program of an expression. Raises CompileError."""
    if len(text) > MAX_LENGTH:
        raise CompileError(f"longer than {MAX_LENGTH} characters")
    bare, texts = taken_out(text)
    try:
        parsed = _ENVIRONMENT.compile(bare)
    except CELParseError as err:
        raise CompileError(f"syntax error: unexpected {_unexpected(err)}") from None
    tree = nodes(parsed, texts)
    check(tree)
    # Not `program()`, which two threads may not call at the same time.
    return RuleRunner(_ENVIRONMENT, plan(tree))


def _unexpected(err: CELParseError) -> str:
    cause = err.__context__
    found = getattr(cause, "token", None) or getattr(cause, "char", "")
    return f"{str(found)[:20]!r}" if found else "end of expression"
