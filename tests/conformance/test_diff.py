"""Differences of two documents, and patches between them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.conformance.diff import MISSING, Change, applied, changes, merged, patch, pointer, segments


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [Change(("a",), 1, True)]),
        ({"a": "<text>"}, {"a": "said"}, []),
        ({"a": "<text>"}, {"a": ""}, [Change(("a",), "<text>", "")]),
        ({}, {"a": {"b": 1, "c": 2}}, [Change(("a", "b"), MISSING, 1), Change(("a", "c"), MISSING, 2)]),
        ({}, {"a": {}}, [Change(("a",), MISSING, {})]),
        ({"a": {"b": 1}}, {"a": 2}, [Change(("a",), {"b": 1}, 2)]),
        (["x", "y"], ["y"], [Change(("0",), "x", MISSING)]),
        (["x"], ["y"], [Change(("0",), "x", MISSING), Change(("1",), MISSING, "y")]),
        ([{"b": 1}], [{"b": 2}], [Change(("0", "b"), 1, 2)]),
    ],
)
def test_changes(old: Any, new: Any, found: list[Change]) -> None:
    assert changes(old, new) == found


def test_only_accepted_changes_are_merged() -> None:
    old = {"kept": 1, "gone": {"a": 1}, "line": ["x", "z"]}
    new = {"kept": 2, "more": {"b": 1}, "line": ["x", "y", "z"]}

    found = merged(old, new, lambda change: change.path[0] != "kept")

    assert found == {"kept": 1, "more": {"b": 1}, "line": ["x", "y", "z"]}
    assert merged(old, new, lambda change: False) == old


def test_a_patch_is_minimal_and_says_what_was_there() -> None:
    old = {"a": {"x/y": 1}, "b": ["p", "q"], "c": "old"}
    new = {"a": {"x/y": 1, "z": {"deep": True}}, "b": ["q", "r"], "c": "new"}

    assert list(patch(old, new)) == [
        {"op": "add", "path": "/a/z", "value": {"deep": True}},
        {"op": "remove", "path": "/b/0", "was": "p"},
        {"op": "add", "path": "/b/1", "value": "r"},
        {"op": "replace", "path": "/c", "value": "new", "was": "old"},
    ]


def random_value(rng: random.Random, depth: int = 3) -> Any:
    kind = rng.choice(["map", "list", "leaf"]) if depth else "leaf"
    if kind == "map":
        return {rng.choice("abc/~"): random_value(rng, depth - 1) for _ in range(rng.randrange(4))}
    if kind == "list":
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return rng.choice([0, 1, 2.5, True, "", "x"])


@pytest.mark.parametrize("seed", range(200))
def test_a_patch_leads_from_one_document_to_the_other(seed: int) -> None:
    rng = random.Random(seed)
    old, new = ({"root": random_value(rng)} for _ in range(2))

    assert applied(old, list(patch(old, new))) == new
    assert merged(old, new, lambda change: True) == new


@pytest.mark.parametrize("path", [(), ("a",), ("a/b", "~c", "~1"), ("", " ")])
def test_a_pointer_can_be_read_back(path: tuple[str, ...]) -> None:
    assert segments(pointer(path)) == path
