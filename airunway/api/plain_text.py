"""Texts of others as they may be shown: nothing in them steers a terminal, a log or a reader's eye. Pure.

Names, messages and annotations are anybody's. Raw, an ESC clears the screen or writes a link under other
words, a line break makes up another line, and a bidirectional override shows letters in another order than
they have. What is not printable (Unicode's control, format, surrogate, private and unassigned characters, and
every space but the plain one; and letters and marks that are drawn as nothing) reaches nobody raw: a person
sees U+FFFD or a space, a program the escape of its format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import yaml

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_YAML_WIDTH = 110
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Python calls printable and nobody sees: fillers, joiners, the empty braille cell, and the selectors of
variants, in which whole texts can be hidden. Source: Unicode's Default_Ignorable_Code_Point."""


def is_plain(text: str) -> bool:
    """Whether a text is one line of letters that are seen."""
    return text.isprintable() and (text.isascii() or not _INVISIBLE.search(text))


def beginning(text: str, most: int) -> str:
    """A text of `most` characters at the most; one that is longer ends in `…`."""
    return text if len(text) <= most else text[: most - 1] + "…"


def one_line(text: str) -> str:
    """A text as one line. Spaces stay, so that what is indented stays so."""
    return text if is_plain(text) else "".join(map(_shown, text))


def plain_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines: a traceback, never a value alone."""
    return "\n".join(map(one_line, text.split("\n")))


def _shown(letter: str) -> str:
    if is_plain(letter):
        return letter
    return " " if letter.isspace() else REPLACEMENT


def json_text(value: Any, **options: Any) -> str:
    """A JSON value as JSON in which nothing unprintable is raw. `options`: of `json.dumps`."""
    return _escaped(json.dumps(value, **{**options, "ensure_ascii": False}), _json_escape)


def yaml_text(values: list[Any], *, separators: bool = False) -> str:
    """JSON values as YAML documents in which nothing unprintable is raw. `separators`: before the first as
    well."""
    return _yaml(values, _Dumper, separators)


def quick_yaml_text(values: list[Any]) -> str:
    """The same values in a quarter of the time, written by libyaml, which breaks long lines elsewhere.

    For what is only shown, again and again.
    """
    try:
        return _yaml(values, _QuickDumper, False)
    except UnicodeEncodeError:  # half of a letter
        return yaml_text(values)


def _yaml(values: list[Any], dumper: Any, separators: bool) -> str:
    text = yaml.dump_all(
        values,
        Dumper=dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_YAML_WIDTH,
        explicit_start=separators,
    )
    return _escaped(text, _yaml_escape)


class _WithoutAliases:
    """Quotes what holds something unprintable, so that an escape can stand for it."""

    def ignore_aliases(self, data: Any) -> bool:
        """Values that are the same object are written twice: an alias would be a surprise."""
        return True


class _Dumper(_WithoutAliases, yaml.SafeDumper):
    """In Python."""


class _QuickDumper(_WithoutAliases, getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """In C."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if is_plain(text.replace("\n", "")) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_QuickDumper.add_representer(str, _represent_text)


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    """The text with an escape for each unprintable letter; lines stay lines."""
    if is_plain(text.replace("\n", "")):
        return text
    return "".join(letter if letter == "\n" or is_plain(letter) else escape(letter) for letter in text)


def _json_escape(letter: str) -> str:
    return json.dumps(letter)[1:-1] if ord(letter) > 0x7E else f"\\u{ord(letter):04x}"


def _yaml_escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
