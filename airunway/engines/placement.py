"""What stands in the wrong place among `engine.extraArgs`: a flag without its value, a word without its flag.

An engine stops at either. The words are never told, for one may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from airunway.engines.arguments import boolean, is_option
from airunway.engines.flag_table import FlagKind
from airunway.engines.grammars import Grammar


class _Next(Enum):
    """What may follow."""

    FLAG = auto()
    BOOLEAN = auto()
    """A flag, or a word for a switch, which is taken away before the engine sees it."""
    VALUE = auto()
    """A value, and nothing else."""
    PERHAPS = auto()
    """A value or a flag."""
    ANYTHING = auto()


def misplaced(grammar: Grammar, tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Where something is in the wrong place, and what is the matter."""
    expected, flag = _Next.FLAG, ""
    for number, token in enumerate(tokens, start=1):
        is_flag = is_option(token) and " " not in token.partition("=")[0]
        if token == "--" or is_flag:
            if expected is _Next.VALUE:
                yield flag, "needs a value, and another flag follows"
            if token == "--":
                return
            expected, flag = _after(grammar, token), token
        elif not _takes(expected, token):
            yield f"entry {number}", "follows no flag that takes it; flags begin with two dashes"
        elif expected is not _Next.ANYTHING:
            expected = _Next.FLAG
    if expected is _Next.VALUE:
        yield flag, "needs a value, and nothing follows"


def _takes(expected: _Next, word: str) -> bool:
    return boolean(word) is not None if expected is _Next.BOOLEAN else expected is not _Next.FLAG


def _after(grammar: Grammar, token: str) -> _Next:
    match = grammar.own.find(token)
    if match is None or (grammar.prefixes and token.lstrip("-").startswith(grammar.prefixes)):
        return _Next.ANYTHING
    if "=" in token:
        return _Next.FLAG
    if match.kind.is_switch:
        return _Next.BOOLEAN
    if match.kind is FlagKind.OPTIONAL:
        return _Next.PERHAPS
    return _Next.ANYTHING if match.kind in (FlagKind.LIST, FlagKind.NUMBERS) else _Next.VALUE
