"""Lines for people and for programs. Nothing is held back: a line is printed when it is known."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable

from airunway.api.plain_text import json_text, one_line
from airunway.cli import output
from airunway.cli.formats import HistoryFormat
from airunway.console.history.line import HistoryLine, Source, stamp

COLUMNS = (("TIME", 20), ("GEN", 4), ("BY", 24), ("WHAT", 28))
GAP = "  "
LEAST_MESSAGE = 40  # characters; a terminal narrower than that wraps by itself


class Printer:
    """Prints lines in one format. `begin` first and `end` last."""

    def __init__(self, form: HistoryFormat, *, width: int | None = None) -> None:
        self._form = form
        self._width = width if width is not None else _terminal_width()
        self._print: Callable[[HistoryLine], None] = {
            HistoryFormat.TABLE: self._row,
            HistoryFormat.JSON: self._item,
            HistoryFormat.JSONL: self._object,
        }[form]
        self.count = 0

    def begin(self) -> None:
        """What stands above."""
        if self._form is HistoryFormat.JSON:
            output.machine_text("[")

    def line(self, line: HistoryLine) -> None:
        """One line."""
        if self._form is HistoryFormat.TABLE and not self.count:
            output.line(GAP.join(f"{heading:{width}}" for heading, width in COLUMNS) + GAP + "MESSAGE")
        self._print(line)
        self.count += 1

    def end(self) -> None:
        """What stands below."""
        if self._form is HistoryFormat.JSON:
            output.machine_text("\n]\n" if self.count else "]\n")
        sys.stdout.flush()

    def flush(self) -> None:
        """Let a reader have what was printed so far."""
        sys.stdout.flush()

    def _object(self, line: HistoryLine) -> None:
        output.machine_text(_json(line) + "\n")

    def _item(self, line: HistoryLine) -> None:
        output.machine_text(("," if self.count else "") + "\n  " + _json(line))

    def _row(self, line: HistoryLine) -> None:
        for text in table_rows(line, width=self._width):
            output.line(text)


def table_rows(line: HistoryLine, *, width: int) -> list[str]:
    """A line as rows; its message is wrapped under itself. `width` 0: never wrapped."""
    prefix = "" if line.source in (Source.HISTORY, Source.JOURNAL, Source.EVENT) else f"{line.source}: "
    cells = [
        stamp(line.time),
        str(line.generation or ""),
        _plain(_short(line.by)),
        _plain(prefix + line.what),
    ]
    head = ""
    for cell, (_, column) in zip(cells, COLUMNS, strict=True):
        # What is too long pushes the rest of its row: an identity that is cut off tells nobody.
        head += f"{cell:{column}}{GAP}"
    message = _plain(line.message + (f" [{line.why}]" if line.why and line.why not in line.message else ""))
    if "times" in line.details:
        message += f" ({line.details['times']} times)"
    indent = sum(column + len(GAP) for _, column in COLUMNS)
    room = width - indent
    if width == 0 or room < LEAST_MESSAGE:
        return [(head + message).rstrip()]
    first_room = max(width - len(head), LEAST_MESSAGE)
    wrapped = textwrap.wrap(" " * (room - min(first_room, room)) + message, room) or [""]
    return [(head + wrapped[0].lstrip()).rstrip(), *(" " * indent + text for text in wrapped[1:])]


def _short(by: str) -> str:
    """A workflow by its kind and its name: `image/…/8e82065c0191`. A person, or a process, stays whole."""
    parts = by.split("/")
    return f"{parts[0]}/…/{parts[-1][:12]}" if len(parts) > 2 else by


def _plain(text: str) -> str:
    """One line, with one space between words."""
    return one_line(" ".join(text.split()))


def _json(line: HistoryLine) -> str:
    return json_text(line.model_dump(mode="json"))


def _terminal_width() -> int:
    """0 for a pipe: a program that reads lines wants them whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
