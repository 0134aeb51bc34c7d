"""What commands print: tables for people, YAML and JSON for programs; notes and errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 100_000  # a program that reads lines wants them whole


class OutputFormat(StrEnum):
    """Output formats."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


def console() -> Console:
    """Standard output. A pipe gets wide plain lines instead of the terminal's width."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)


def note(text: str) -> None:
    """A remark that must not mix with the output."""
    print(text, file=sys.stderr, flush=True)


def data(value: Any, form: OutputFormat) -> None:
    """Print a JSON value as YAML or JSON."""
    if form is OutputFormat.JSON:
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110), end="")


def documents(values: list[Any], form: OutputFormat) -> None:
    """Print several JSON values: YAML documents, or one JSON list."""
    if form is OutputFormat.JSON:
        data(values, form)
    else:
        print(
            yaml.safe_dump_all(values, sort_keys=False, allow_unicode=True, width=110, explicit_start=True),
            end="",
        )


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
