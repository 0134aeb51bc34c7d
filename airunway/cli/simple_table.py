"""A table that needs nobody to lay it out: letters one cell wide, lines that fit. Pure.

It looks as the library's tables do (`output.plain_table`), which take longer to load than a short list to be
read.
"""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def simple_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, width: int, bold: bool
) -> str | None:
    """Its lines; None where some letter may be wider than others, or a line than `width`.

    `bold`: the headings are, as a terminal is told so.
    """
    table = [headings, *rows]
    cells = [cell for row in table for cell in row]
    if not all(cell.isascii() and cell.isprintable() for cell in cells):
        return None
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if sum(widths) + len(GAP) * (len(widths) - 1) > width:
        return None
    lines = [GAP.join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)) for row in table]
    if bold:
        lines[0] = f"{BOLD}{lines[0]}{PLAIN}"
    return "".join(f"{line}\n" for line in lines)
