"""An argparse made of a table reads the rendered command line back as what the user asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airunway.engines import grammars
from airunway.engines.arguments import FALSE_WORDS, TRUE_WORDS, normalised, written
from airunway.engines.flag_table import FlagKind, canonical
from airunway.engines.grammars import Grammar

UNSET = "unset"
SINGLE = (FlagKind.TEXT, FlagKind.NUMBER, FlagKind.JSON)
GRAMMARS = [
    *(pytest.param(grammars.vllm_serve(version), id=version) for version in grammars.VLLM_VERSIONS),
    pytest.param(grammars.dynamo_vllm(), id="dynamo.vllm"),
    pytest.param(grammars.dynamo_sglang(), id="dynamo.sglang"),
    pytest.param(grammars.dynamo_trtllm(), id="dynamo.trtllm"),
]


PARSERS: dict[str, argparse.ArgumentParser] = {}


class _Strict(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise AssertionError(message)


def parser_of(grammar: Grammar) -> argparse.ArgumentParser:
    """Made once: it has hundreds of flags."""
    if grammar.title not in PARSERS:
        PARSERS[grammar.title] = made_parser(grammar)
    return PARSERS[grammar.title]


def made_parser(grammar: Grammar) -> argparse.ArgumentParser:
    parser = _Strict(allow_abbrev=False, add_help=False)
    for name, kind in grammar.own.flags.items():
        shorts = [alias for alias, of in grammar.own.aliases.items() if of == name]
        shorts = [alias for alias in shorts if alias not in {f"--{other}" for other in grammar.own.flags}]
        options: dict[str, Any] = {"dest": name, "default": UNSET}
        if kind is FlagKind.SWITCH:
            options |= {"action": "store_true"}
        elif kind is FlagKind.NEGATABLE:
            options |= {"action": argparse.BooleanOptionalAction}
        elif kind is FlagKind.REPEATED:
            options |= {"action": "append", "default": []}
        elif kind in (FlagKind.LIST, FlagKind.NUMBERS):
            options |= {"nargs": "+"}
        elif kind is FlagKind.OPTIONAL:
            options |= {"nargs": "?", "const": True}
        parser.add_argument(f"--{name}", *shorts, **options)
    return parser


def parsed(grammar: Grammar, tokens: Sequence[str]) -> dict[str, Any]:
    """As the engine parses: vLLM takes `_` in a flag for `-`."""
    tokens = [_dashed(token) if grammar.underscores else token for token in tokens]
    found = vars(parser_of(grammar).parse_args(tokens))
    return {name: value for name, value in found.items() if value not in (UNSET, [])}


def _dashed(token: str) -> str:
    name, given_value, value = token.partition("=")
    return f"--{canonical(name)}{given_value}{value}" if name.startswith("--") else token


WORDS = st.sampled_from(sorted(TRUE_WORDS | FALSE_WORDS)).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title()])
)
TEXTS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=8)
NUMBERS = st.integers(-99, 99).map(str)
PLAIN = st.from_regex(r"[a-z][a-z0-9./=,]{0,6}", fullmatch=True)


@st.composite
def requests(draw: st.DrawFn, grammar: Grammar) -> tuple[dict[str, str], dict[str, Any]]:
    """Entries of `engine.args`, and what the engine should then have been told."""
    names = draw(st.lists(st.sampled_from(sorted(grammar.own.flags)), unique=True, max_size=8))
    args: dict[str, str] = {}
    wanted: dict[str, Any] = {}
    for name in names:
        kind = grammar.own.flags[name]
        key = name.replace("-", "_") if draw(st.booleans()) else name
        if kind.is_switch:
            negated = draw(st.booleans()) and f"no-{name}" not in grammar.own.flags
            word = draw(WORDS | st.just(""))
            key = f"no-{key}" if negated else key
            value = (word.lower() in TRUE_WORDS or not word) is not negated
            args[key] = word
            if value or kind is FlagKind.NEGATABLE:
                wanted[name] = value
        elif kind.is_list:
            values = draw(st.lists(NUMBERS if kind is FlagKind.NUMBERS else PLAIN, min_size=1, max_size=3))
            values = [value for value in values if not value.startswith("-")] or ["1"]
            args[key] = json.dumps(values) if draw(st.booleans()) else " ".join(values)
            wanted[name] = values
        else:
            text = draw({FlagKind.NUMBER: NUMBERS, FlagKind.OPTIONAL: PLAIN}.get(kind, TEXTS))
            if kind is FlagKind.OPTIONAL and text.lower() in TRUE_WORDS | FALSE_WORDS:
                text = "hf-x"
            args[key] = wanted[name] = text
    return args, wanted


@pytest.mark.parametrize("grammar", GRAMMARS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_engine_is_told_what_the_user_asked_for(grammar: Grammar, data: st.DataObject) -> None:
    args, wanted = data.draw(requests(grammar))

    tokens = [token for key in sorted(args) for token in written(grammar, key, args[key])]

    assert parsed(grammar, tokens) == wanted


@pytest.mark.parametrize("grammar", GRAMMARS)
@settings(max_examples=25)
@given(data=st.data())
def test_extra_arguments_mean_the_same_with_words_behind_switches(
    grammar: Grammar, data: st.DataObject
) -> None:
    switches = sorted(name for name, kind in grammar.own.flags.items() if kind.is_switch)
    chosen = data.draw(st.dictionaries(st.sampled_from(switches), WORDS, max_size=5))
    tokens: list[str] = []
    for name, word in chosen.items():
        tokens += [f"--{name}={word}"] if data.draw(st.booleans()) else [f"--{name}", word]

    found = parsed(grammar, normalised(grammar, tokens))

    told = {name: word.lower() in TRUE_WORDS for name, word in chosen.items()}
    kinds = grammar.own.flags
    assert found == {
        name: value for name, value in told.items() if value or kinds[name] is FlagKind.NEGATABLE
    }
    assert normalised(grammar, normalised(grammar, tokens)) == normalised(grammar, tokens)
