"""rich's console as commands use it. Apart, because what it loads takes longer than many a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from airunway.api.plain_text import is_plain, one_line


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


def standard_output(width: int | None) -> PlainConsole:
    """On it; `width` None: that of the terminal."""
    return PlainConsole(
        file=sys.stdout, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def table_without_lines(headings: Iterable[str]) -> Table:
    """A table in the manner of kubectl."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def print_facts(screen: Console, rows: Iterable[tuple[str, str | Text]], label_format: str) -> None:
    """Labelled lines; a long one is left to the terminal to wrap. `label_format`: with `{}` for the label."""
    for label, value in rows:
        text = value if isinstance(value, Text) else Text(value)
        screen.print(Text(label_format.format(label)).append_text(text), soft_wrap=True)
