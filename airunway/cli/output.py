"""What commands print: tables for people, YAML and JSON for programs; notes and errors on standard error.

The only way to a terminal: no other module of the command line prints. Everything that is shown goes through
`api.plain_text`, so that no text of a cluster, of Temporal or of a file steers the terminal; rich's markup
and its names of emojis are off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from airunway.api.plain_text import is_plain, json_text, one_line, yaml_text
from airunway.cli.formats import OutputFormat

WIDTH_WITHOUT_TERMINAL = 100_000  # a program that reads lines wants them whole


class PlainConsole(Console):
    """A console on which texts are texts: no markup in them, and nothing that a terminal obeys."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments; what rich itself has for the terminal (styles, the cursor) is beside their texts."""
        if isinstance(renderable, Text):
            renderable = _in_one_line(renderable)
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n" or is_plain(segment.text):
                yield segment
            else:
                yield Segment("\n".join(map(one_line, segment.text.split("\n"))), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is shown, before its width is taken: one line, whatever it holds."""
        return super().render_str(one_line(text), **options)


def _in_one_line(text: Text) -> Text:
    """The text with the styles of its parts: each letter stays where it is."""
    if is_plain(text.plain):
        return text
    shown = text.copy()
    shown.plain = one_line(text.plain)
    return shown


def console() -> Console:
    """Standard output. A pipe gets wide plain lines instead of the terminal's width."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return PlainConsole(
        file=sys.stdout, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def line(text: str = "", *, flush: bool = False) -> None:
    """One line of the output."""
    print(one_line(text), flush=flush)


def note(text: str) -> None:
    """A remark that must not mix with the output."""
    print(one_line(text), file=sys.stderr, flush=True)


def answer_to(question: str) -> str:
    """What a person answers."""
    return input(one_line(question))


def data(value: Any, form: OutputFormat, *, names: Iterable[str] = ()) -> None:
    """Print a JSON value for a program. `names`: kind and name of each object in it, for `-o name`."""
    if form is OutputFormat.NAME:
        for name in names:
            line(name)
    elif form is OutputFormat.JSON:
        machine_text(json_text(value, indent=2) + "\n")
    else:
        machine_text(yaml_text([value]))


def documents(values: list[Any], form: OutputFormat, *, names: Iterable[str] = ()) -> None:
    """Print several JSON values: YAML documents, or one JSON list. `names`: as for `data`."""
    if form is not OutputFormat.YAML:
        data(values, form, names=names)
    else:
        machine_text(yaml_text(values, separators=True))


def machine_text(text: str) -> None:
    """Print a text of `plain_text.json_text` or `yaml_text`, or of our own, as it is."""
    print(text, end="")


def facts(screen: Console, rows: Sequence[tuple[str, str | Text]], *, indent: str = "") -> None:
    """Print labelled lines, the texts aligned; a long one is left to the terminal to wrap."""
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        screen.print(Text(f"{indent}{label:{width}}  ").append_text(_text(value)), soft_wrap=True)


def _text(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(value)


def plain_table(*headings: str) -> Table:
    """A table in the manner of kubectl: no lines."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
