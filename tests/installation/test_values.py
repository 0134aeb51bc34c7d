"""Helm's value paths: install.md §A4.3."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.installation.values import BadPath, document_of, merged, parse_assignments, parse_path


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ({"global.grove.install": True}, {"global": {"grove": {"install": True}}}),
        ({"op": {"image": {"tag": "1"}}}, {"op": {"image": {"tag": "1"}}}),
        ({"op": {"a": 1, "b": 2}, "op.b": 3}, {"op": {"a": 1, "b": 3}}),
        ({r"nodeSelector.kubernetes\.io/os": "linux"}, {"nodeSelector": {"kubernetes.io/os": "linux"}}),
        ({"a[1].b": 2}, {"a": [None, {"b": 2}]}),
        ({"a[0]": 1, "a[1]": 2}, {"a": [1, 2]}),
        ({"a[0][1]": 1}, {"a": [[None, 1]]}),
        ({"a": 1, "a.b": 2}, {"a": {"b": 2}}),
        ({"a.b": 2, "a": 1}, {"a": 1}),
        ({}, {}),
    ],
)
def test_paths_become_one_document(values: dict[str, Any], want: dict[str, Any]) -> None:
    assert document_of(values) == want


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "[0]", "a[x]", "a[", "a[70000]"])
def test_what_helm_cannot_read_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        document_of({path: 1})


def test_the_config_is_left_as_it_was() -> None:
    values = {"op": {"a": {"b": 1}}, "op.a.b": 2}
    before = copy.deepcopy(values)

    document_of(values)

    assert values == before


def test_laying_over_merges_objects_and_replaces_all_else() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}

    assert merged(base, {"a": {"c": [3]}, "d": {"e": 1}}) == {"a": {"b": 1, "c": [3]}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_words_of_the_command_line_become_values() -> None:
    words = ["a.b=true", "a.n=12", "s=012", "v=1.10", "empty=", "nothing=null", "eq=x=y"]

    assert parse_assignments(words) == {
        "a": {"b": True, "n": 12},
        "s": "012",
        "v": "1.10",
        "empty": "",
        "nothing": None,
        "eq": "x=y",
    }
    with pytest.raises(BadPath):
        parse_assignments(["a"])


KEY = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=5)


@given(parts=st.lists(KEY, min_size=1, max_size=4), value=st.integers())
def test_a_path_of_keys_nests_as_deep_as_it_is_long(parts: list[str], value: int) -> None:
    document: Any = document_of({".".join(parts): value})

    for part in parts:
        document = document[part]
    assert document == value


@given(
    key=st.text(st.characters(exclude_characters="[]\\", exclude_categories=["Cs"]), min_size=1, max_size=8)
)
def test_an_escaped_dot_is_part_of_the_key(key: str) -> None:
    escaped = key.replace(".", "\\.")

    assert parse_path(escaped) == [key]
