"""Arguments by the engine's own grammar: what a key and its text become on the command line.

A text that stands for a boolean decides about a switch, in any of the usual words. What no table knows goes
to the engine as it is written, because its image may be newer than the table.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Sequence
from typing import Any

from airunway.engines.flag_table import NEGATION, FlagKind, Match
from airunway.engines.grammars import Grammar

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})

_NEGATIVE_NUMBER = re.compile(r"-(\d+|\d*\.\d+)")
_QUOTING = re.compile(r"['\"\\]")
"""Without one of these a shell only splits, for which `shlex` takes long."""
_SPACE = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def boolean(text: str) -> bool | None:
    """What a word means for a switch; None for a text that is none. An empty text switches on."""
    word = text.strip().lower()
    if not word or word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None


def written(grammar: Grammar, key: str, text: str) -> list[str]:
    """The tokens of one entry of `engine.args`; none for a switch that is left out."""
    found = grammar.meant.find(key)
    if found is None:
        return [f"--{key}", text] if text else [f"--{key}"]
    option = _option(grammar, found, key)
    if found.kind.is_switch:
        return _switch(found, option, text)
    if found.kind is FlagKind.OPTIONAL and boolean(text) is not None and text.strip() not in ("0", "1"):
        return [option] if boolean(text) else []
    if not text:
        return [option]
    if found.kind is FlagKind.REPEATED:
        return [token for item in items(found.kind, text) for token in _with_value(option, item)]
    if found.kind.is_list:
        return [option, *items(found.kind, text)]
    return _with_value(option, text)


def normalised(grammar: Grammar, tokens: Sequence[str]) -> list[str]:
    """`engine.extraArgs` as they go on the command line: verbatim, but for a switch that was given a word.

    `--flag=true` and `--flag true` stop the engines: nothing may follow a switch.
    """
    found: list[str] = []
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if token == "--":
            return [*found, token, *rest]
        match = grammar.meant.find(token) if is_option(token) else None
        if match is None or not match.kind.is_switch:
            found.append(token)
            continue
        option, given, text = token.partition("=")
        if not given and rest and rest[0].strip() and boolean(rest[0]) is not None:
            given, text = "=", rest.pop(0)
        verbatim = boolean(text) is None or not (given or (match.negated and match.kind is FlagKind.SWITCH))
        found += [token] if verbatim else _switch(match, _positive(option, match), text)
    return found


def items(kind: FlagKind, text: str) -> list[str]:
    """The values of a list: of a JSON list, else what a shell would take for single words."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            entries = json.loads(stripped)
        except (ValueError, RecursionError):
            entries = None
        if isinstance(entries, list):
            return [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    if stripped.startswith("{"):
        return [text]
    if kind is FlagKind.NUMBERS:
        return stripped.replace(",", " ").split()
    if not _QUOTING.search(stripped):
        return _SPACE.split(stripped) if stripped else []
    try:
        return shlex.split(stripped)
    except ValueError:  # a quote that is not closed
        return stripped.split()


def typed(found: Match | None, texts: Sequence[str]) -> Any:
    """A flag's value as the engine's parser would give it to the engine: for a server set up by options."""
    if found is None:
        return _several([guessed(text) for text in texts]) if texts else True
    if found.kind.is_switch:
        value = boolean(texts[0]) if texts else True
        return (value is not found.negated) if value is not None else _several(list(texts))
    if not texts:
        return True
    if found.kind.is_list:
        parts = [part for text in texts for part in (items(found.kind, text) if len(texts) == 1 else [text])]
        return [guessed(part) if found.kind is FlagKind.NUMBERS else _document(part) for part in parts]
    if found.kind is FlagKind.OPTIONAL:
        value = boolean(texts[0])
        return texts[0] if value is None else value
    of_kind = {FlagKind.NUMBER: guessed, FlagKind.JSON: guessed}.get(found.kind, _document)
    return _several([of_kind(text) for text in texts])


def guessed(text: str) -> Any:
    """A text by its looks: number, truth value, JSON, or the text itself."""
    if text in ("true", "True", "false", "False"):
        return text.lower() == "true"
    return _loaded(text) if _NUMBER.fullmatch(text) or text.startswith(("{", "[")) else text


def _document(text: str) -> Any:
    return _loaded(text) if text.startswith(("{", "[")) else text


def _loaded(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def _several(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def is_option(token: str) -> bool:
    """Whether an engine takes a token for a flag; a negative number is a value."""
    return token.startswith("-") and not token.startswith("---") and not _NEGATIVE_NUMBER.fullmatch(token)


def _option(grammar: Grammar, found: Match, key: str) -> str:
    """The option string: as the user spells it where the engine reads it so, and never the negated one."""
    if found.short:
        return found.short
    if found.abbreviated or not grammar.underscores:
        return f"--{found.name}"
    return _positive(f"--{key}", found)


def _positive(option: str, found: Match) -> str:
    if found.abbreviated:
        return f"--{found.name}"
    if not found.negated:
        return option
    return f"--{option.lstrip('-')[len(NEGATION) :]}"


def _switch(found: Match, option: str, text: str) -> list[str]:
    value = boolean(text)
    if value is None:
        return [f"--{NEGATION}{option[2:]}" if found.negated else option, text]
    if value is not found.negated:
        return [option]
    if found.kind is FlagKind.SWITCH:
        return []
    return [f"--{NEGATION}{found.name if found.short else option.lstrip('-')}"]


def _with_value(option: str, text: str) -> list[str]:
    """Beside each other; joined where the value would be taken for the next option."""
    joined = text.startswith("-") and text != "-" and not _NEGATIVE_NUMBER.fullmatch(text)
    return [f"{option}={text}"] if joined else [option, text]
