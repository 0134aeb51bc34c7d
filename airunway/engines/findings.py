"""What an engine would not take as it is written: misspelt, misplaced, doubled, with a wrong kind of value.

Findings are warnings and never refuse: the image may be newer than the table. Only names are told, for a
value may be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from airunway.engines.arguments import FALSE_WORDS, TRUE_WORDS, boolean
from airunway.engines.flag_table import NEGATION, FlagKind, Match, canonical
from airunway.engines.grammars import Grammar
from airunway.engines.placement import misplaced

ARGS, EXTRA_ARGS = "spec.engine.args", "spec.engine.extraArgs"
MAX_FINDINGS = 20
"""Nobody reads more, and each may cost a search among all names."""

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MAX_NAME_LENGTH = 80
_CLOSE = 0.8
_MAX_MEANT = 3
_NUMBER_WORDS = frozenset({"auto", "none", "inf", "-inf", "nan", "max", "all"})
_WORDS = (TRUE_WORDS | FALSE_WORDS) - {"0", "1"}


@dataclass(frozen=True)
class ArgumentFinding:
    """One thing that is odd. `path`: the field, with the flag's name."""

    path: str
    message: str

    @property
    def asks(self) -> bool:
        """Whether it names the flag that may have been meant."""
        return self.message.endswith("?")

    @property
    def line(self) -> str:
        """As it is shown."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class _Given:
    """A flag as it is written; `text` is None where the value is not known."""

    path: str
    written: str
    text: str | None


def findings(
    grammar: Grammar, args: Mapping[str, str], extra_args: Sequence[str], *, owned: Mapping[str, str]
) -> list[ArgumentFinding]:
    """What is odd about the arguments. `owned`: flag to the sentence that says who sets it."""
    found: list[ArgumentFinding] = []
    seen: dict[str, str] = {}
    for given in _given(grammar, args, extra_args):
        if grammar.prefixes and given.written.lstrip("-").startswith(grammar.prefixes):
            continue
        match = grammar.own.find(given.written)
        if match is None:
            messages = [_unknown(grammar, given.written)]
        else:
            messages = _known(grammar, match, given, owned)
            if match.kind is not FlagKind.REPEATED and "." not in given.written:
                messages += _doubled(seen.get(match.name), given.path)
                seen.setdefault(match.name, given.path)
        found += [ArgumentFinding(given.path, message) for message in messages]
        if len(found) >= MAX_FINDINGS:
            return [
                *found[:MAX_FINDINGS],
                ArgumentFinding("spec.engine", "further arguments were not looked at"),
            ]
    wrong = (
        ArgumentFinding(f"{EXTRA_ARGS}: {where}", what) for where, what in misplaced(grammar, extra_args)
    )
    return [*found, *islice(wrong, MAX_FINDINGS - len(found))]


def _given(grammar: Grammar, args: Mapping[str, str], extra_args: Sequence[str]) -> Iterator[_Given]:
    for key in sorted(args):
        if _KEY.fullmatch(key):  # another is refused, and may be anything
            yield _Given(f"{ARGS}.{key}", key, args[key])
    for token in extra_args:
        option, given, text = token.partition("=")
        option = option.strip()
        if token == "--":
            return
        is_long = option.startswith("--") and _KEY.fullmatch(option[2:])
        if is_long or (option.startswith("-") and grammar.own.find(option)):
            yield _Given(f"{EXTRA_ARGS}: {option}", option, text if given else None)


def _known(grammar: Grammar, match: Match, given: _Given, owned: Mapping[str, str]) -> list[str]:
    found = [owned[match.name]] if match.name in owned else []
    problem = _value_problem(match, given.text)
    return [*found, f"{grammar.title} takes {problem}"] if problem else found


def _value_problem(match: Match, text: str | None) -> str:
    if text is None:
        return ""
    if match.kind.is_switch:
        return "no value for this flag; write true or false" if boolean(text) is None else ""
    needed = {FlagKind.NUMBER: "a number", FlagKind.JSON: "a JSON document", FlagKind.TEXT: "a value"}.get(
        match.kind, ""
    )
    if not text and needed:
        return f"{needed} for this flag, and there is none"
    word = text.strip().lower()
    if word in _WORDS and match.kind in (FlagKind.NUMBER, FlagKind.JSON):
        return f"{needed} for this flag, not true or false"
    # Numbers have units and other forms (8k, 1.5Gi, 0x10), and some engines words of their own.
    is_none = match.kind is FlagKind.NUMBER and word not in _NUMBER_WORDS and not re.search(r"\d", word)
    return f"{needed} for this flag" if is_none else ""


def _doubled(earlier: str | None, path: str) -> list[str]:
    if earlier is None:
        return []
    where = "is given twice" if earlier == path else f"is set by {earlier} as well"
    return [f"{where}; the engine takes the last one"]


def _unknown(grammar: Grammar, written: str) -> str:
    name = canonical(written)
    if meant := sorted(
        f"{NEGATION if negated else ''}{flag}" for flag, negated in grammar.own.meant_by(name)
    ):
        shown = ", ".join(meant[:_MAX_MEANT]) + (" and others" if len(meant) > _MAX_MEANT else "")
        return f"{grammar.title} refuses it as short for any of {shown}; write the whole name"
    for entry in grammar.relatives:
        if match := entry.table.find(written):
            hint = grammar.advice.get(match.name, "")
            return f"{entry.advice}; {hint}" if hint else entry.advice
    stranger = next((entry for entry in grammar.strangers if entry.table.find(written)), None)
    alike = _alike(grammar, name)
    if stranger is not None:
        other = stranger.table.find(written)
        alike = other.name if other and other.name in grammar.own.flags else alike
        text = f"{stranger.advice}; {grammar.title} has none of that name"
    else:
        text = f"{grammar.title} has no such flag"
    if hint := grammar.advice.get(name.removeprefix(NEGATION), ""):
        return f"{text}; {hint}"
    if alike:
        return f"{text}; did you mean {alike}?"
    return (
        text
        if stranger
        else f"{text}, and the server starts with it only if its image is of a version that has it"
    )


def _alike(grammar: Grammar, name: str) -> str:
    """The flag that was most likely meant; empty when none is alike."""
    if len(name) > _MAX_NAME_LENGTH:
        return ""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    negated = plain.startswith(NEGATION)
    wanted = plain.removeprefix(NEGATION)
    close = difflib.get_close_matches(wanted, grammar.own.flags, n=1, cutoff=_CLOSE)
    return f"{NEGATION if negated else ''}{close[0]}" if close else ""
