"""Which changes a pattern explains."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.departures.touch import explained, literal, place
from tests.conformance.diff import MISSING, Change


@pytest.mark.parametrize(
    ("pattern", "path", "old", "new", "explains"),
    [
        ("/a/b", ("a", "b"), 1, 2, True),
        ("/a/b", ("a", "b", "c"), 1, 2, False),
        ("/a/*", ("a", "b", "c"), 1, 2, False),
        ("/a/**", ("a", "b", "c"), 1, 2, True),
        ("/a/**", ("a",), 1, 2, True),
        ("/a/**", ("b", "a"), 1, 2, False),
        ("/x.y~1z/*", ("x.y/z", "k"), 1, 2, True),
        ("/a = 0", ("a",), 3, 0, True),
        ("/a = 0", ("a",), 3, 1, False),
        ("/a = *", ("a",), 3, MISSING, False),
        ("/a/* - --x", ("a", "0"), "--x", MISSING, True),
        ("/a/* - --x", ("a", "0"), MISSING, "--x", False),
        ("/a/* - --x", ("a", "0"), "--x", "--y", False),
        ("/a/* - --model *", ("a", "0"), ["--model", "m"], MISSING, True),
        ("/a = false", ("a",), True, False, True),
    ],
)
def test_a_pattern_explains(pattern: str, path: tuple[str, ...], old: Any, new: Any, explains: bool) -> None:
    assert explained([pattern], Change(path, old, new)) is explains


def test_literal_texts_are_no_globs() -> None:
    change = Change(("a*", "0"), MISSING, "[x]?")

    assert explained([f"{place('a*')}/* = {literal('[x]?')}"], change)
    assert not explained([f"{place('a*')}/* = {literal('[x]?')}"], Change(("ab", "0"), MISSING, "[x]?"))
