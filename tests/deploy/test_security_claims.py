"""What docs/security.md claims is guarded: each claim names a test, and the test exists.

Claims are the items of lists and the rows of tables; what stands between them explains.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.deploy.manifests import ROOT

DOCUMENT = (ROOT / "docs" / "security.md").read_text()
GUARD = re.compile(r"`((?:emulator/)?tests/[\w/]+\.py)::(\w+)(?:::(\w+))?`")
ITEM, ROW = re.compile(r"(?:[-*]|\d+\.) "), re.compile(r"\|(?![\s:-]*\|?[\s:|-]*$)")


NO_CLAIMS = ("What stays trusted",)
"""Sections that say what is not guarded."""


def claims(text: str) -> Iterator[str]:
    """Items and rows, each with its section's heading for the message; headings of tables are none.

    The rows of a table that a guarded sentence introduces are that sentence's claim.
    """
    section, before, introduced = "", "", False
    for block in re.split(r"\n(?=\n|#|\||[-*] |\d+\. )", text):
        first = block.strip()
        if first.startswith("#"):
            section = first.lstrip("# ").splitlines()[0]
        heads_a_table = bool(ROW.match(first)) and not before.startswith("|")
        if heads_a_table:
            introduced = before.endswith(":") and bool(GUARD.search(before))
        if section in NO_CLAIMS:
            continue
        if ITEM.match(first) or (ROW.match(first) and not heads_a_table and not introduced):
            yield f"{section}: {first}"
        before = first or before


@cache
def names_in(path: Path) -> set[str]:
    """Names of a file's test functions, and `Class::method`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [
                inner for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            found |= {f"{node.name}::{method.name}" for method in methods}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


def missing(text: str) -> list[str]:
    """Tests that are named and do not exist."""
    found = []
    for path, first, second in GUARD.findall(text):
        name, file = f"{first}::{second}" if second else first, ROOT / path
        if not file.is_file() or name not in names_in(file):
            found.append(f"{path}::{name}")
    return found


def test_every_claim_names_a_test() -> None:
    assert [claim for claim in claims(DOCUMENT) if not GUARD.search(claim)] == []


def test_every_test_that_is_named_exists() -> None:
    assert missing(DOCUMENT) == []


def test_every_name_of_a_test_is_in_the_form_that_is_looked_up() -> None:
    assert [line for line in DOCUMENT.splitlines() if "::" in GUARD.sub("", line)] == []


def test_a_claim_without_a_test_and_a_test_that_is_not_there_are_found() -> None:
    here = "tests/deploy/test_security_claims.py"
    text = f"""## Subject

Words.

- Guarded, in two
  lines. `{here}::test_every_claim_names_a_test`
- Not guarded.

| who | may |
|---|---|
| nobody | anything |

1. Guarded by what is gone: `{here}::test_that_was`
"""

    assert [claim for claim in claims(text) if not GUARD.search(claim)] == [
        "Subject: - Not guarded.",
        "Subject: | nobody | anything |",
    ]
    assert missing(text) == [f"{here}::test_that_was"]
