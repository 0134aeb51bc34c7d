"""Citations of docs/contract in text, and what they point at.

A citation is `core.md §3`, `install.md §A4.3` or `kaito.md, weak spot 6`; more of the same file may follow
(`§8 to §10`, `, weak spots 3 and 14`). `§20.15` is the fifteenth entry of the list in section 20.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "docs" / "contract"
FILES = {path.name: path for path in CONTRACT.rglob("*.md") if path.name != "README.md"}

_PLACE = r"§[AB]?\d+(?:\.\d+)*"
_SPOTS = r"weak\ spots?\ \d+(?:(?:,\ |\ and\ |\ to\ |-)\d+)*"
_FILE = "|".join(map(re.escape, FILES))
CITATION = re.compile(
    rf"(?<![\w/-])`?(?P<file>{_FILE})`?,?\ (?P<places>(?:{_PLACE}|{_SPOTS})"
    rf"(?:(?:,\ and\ |,\ |\ and\ |\ to\ |-)(?:{_PLACE}|{_SPOTS}))*)",
    re.VERBOSE,
)
_POINTER = re.compile(rf"§|\bweak[\s#]+spots?[\s#]+\d|(?<![\w/-])(?:{_FILE})")


@dataclass(frozen=True)
class Text:
    """Something a person reads: where it begins, and its words on one line."""

    path: Path
    line: int
    words: str
    literal: bool = False
    """A string that the program works with, so that users may see it."""

    def __str__(self) -> str:
        """For messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.words[:120]}"


def may_cite(words: str) -> bool:
    """Whether there is anything that only a citation may hold: a section, a weak spot, a chapter's name."""
    return _POINTER.search(words) is not None


def texts_of_python(path: Path) -> Iterator[Text]:
    """Comments, docstrings and other strings of a module."""
    source = path.read_text()
    tree = ast.parse(source)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Text(path, node.lineno, _flat(node.value), literal=id(node) not in documentation)
    yield from _comments(path, source)


def _comments(path: Path, source: str) -> Iterator[Text]:
    """Comments, those on consecutive lines as one."""
    begun, last, words = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if line != last + 1 and words:
            yield Text(path, begun, _flat(words))
            words = ""
        begun = begun if words else line
        words, last = f"{words} {token.string.lstrip('#')}", line
    if words:
        yield Text(path, begun, _flat(words))


def texts_of_prose(path: Path) -> Iterator[Text]:
    """The paragraphs of a document, or the comments of a manifest."""
    line = 1
    for paragraph in re.split(r"(\n[#\s]*\n)", path.read_text()):
        if paragraph.strip():
            yield Text(path, line, _flat(re.sub(r"^\s*#+ ", "", paragraph, flags=re.MULTILINE)))
        line += paragraph.count("\n")


def _flat(words: str) -> str:
    return " ".join(words.split())


@cache
def places_in(name: str) -> frozenset[str]:
    """What can be cited of a file: `§3`, `§4.1`, entries of numbered lists (`§3.8`), `weak spot 6`."""
    found: set[str] = set()
    section, in_weak_spots, depth = "", False, 0
    for line in FILES[name].read_text().splitlines():
        heading = re.match(r"(#+) (?:([AB]?\d+(?:\.\d+)*)\.? )?(.*)", line)
        entry = re.match(r"- \*\*W(\d+)\*\* |(\d+)\. |\*\*(\d+\.\d+) ", line)
        if heading:
            level = len(heading[1])
            if in_weak_spots and level <= depth:
                in_weak_spots = False
            if "Weak spots" in heading[3]:
                in_weak_spots, depth = True, level
            section = heading[2] or ("" if level < 3 else section)
            found.add(f"§{section}")
        elif entry and in_weak_spots:
            found |= {f"weak spot {entry[1] or entry[2]}", f"§{section}.{entry[1] or entry[2]}"}
        elif entry:
            found.add(f"§{entry[3]}" if entry[3] else f"§{section}.{entry[2]}")
    return frozenset(found)


def places_cited(places: str) -> Iterator[str]:
    """`§4, weak spots 3 and 14` as its parts; a span stands for its ends."""
    yield from re.findall(_PLACE, places)
    for spots in re.findall(r"weak spots? ([^§w]*)", places):
        for number in re.findall(r"\d+", spots):
            yield f"weak spot {number}"
