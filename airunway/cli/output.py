"""What commands print: tables for people, YAML and JSON for programs; notes and errors on standard error.

The only way to a terminal: no other module of the command line prints. Everything that is shown goes through
`api.plain_text`, so that no text of a cluster, of Temporal or of a file steers the terminal; rich's markup
and its names of emojis are off.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airunway.api.plain_text import json_text, one_line, yaml_text
from airunway.cli.formats import OutputFormat
from airunway.cli.simple_table import simple_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 100_000  # a program that reads lines wants them whole


def console() -> Console:
    """Standard output. A pipe gets wide plain lines instead of the terminal's width."""
    from airunway.cli.screen import standard_output

    return standard_output(None) if sys.stdout.isatty() else _endless()


def _endless() -> Console:
    """Standard output, whose lines are as long as they are."""
    from airunway.cli.screen import standard_output

    return standard_output(WIDTH_WITHOUT_TERMINAL)


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
    from airunway.cli.screen import print_facts

    width = max((len(label) for label, _ in rows), default=0)
    print_facts(screen, rows, f"{indent}{{:{width}}}  ")


def plain_table(*headings: str) -> Table:
    """A table in the manner of kubectl: no lines."""
    from airunway.cli.screen import table_without_lines

    return table_without_lines(headings)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, folds: bool = True) -> None:
    """Print such a table of texts alone. `folds` false: lines stay whole, however narrow the terminal."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb", "unknown")
    fits = folds and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if fits else WIDTH_WITHOUT_TERMINAL
    text = simple_table(headings, shown, width=width, bold=is_terminal)
    if text is not None:
        print(text, end="")
        return
    laid_out = plain_table(*headings)
    for row in shown:
        laid_out.add_row(*row)
    (console() if folds else _endless()).print(laid_out)
