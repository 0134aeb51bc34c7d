"""The smallest patch between two objects."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.webhook.json_patch import PatchOperation, difference


@pytest.mark.parametrize(
    ("before", "after", "want"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="the same"),
        pytest.param({}, {"a": {"b": 1}}, [{"op": "add", "path": "/a", "value": {"b": 1}}], id="a new key"),
        pytest.param({"a": 1}, {}, [{"op": "remove", "path": "/a"}], id="a key that is gone"),
        pytest.param({"a": 1}, {"a": 2}, [{"op": "replace", "path": "/a", "value": 2}], id="another value"),
        pytest.param(
            {"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}], id="1 and true"
        ),
        pytest.param({"a": 0}, {"a": 0}, [], id="zero stays"),
        pytest.param({"a": None}, {"a": None}, [], id="null stays"),
        pytest.param(
            {"a/b": {"~": 1}},
            {"a/b": {"~": 2}},
            [{"op": "replace", "path": "/a~1b/~0", "value": 2}],
            id="escapes",
        ),
        pytest.param(
            {"a": [{"b": 1}, 2]},
            {"a": [{"b": 3}, 2]},
            [{"op": "replace", "path": "/a/0/b", "value": 3}],
            id="in a list",
        ),
        pytest.param(
            {"a": [1]}, {"a": [1, 2]}, [{"op": "replace", "path": "/a", "value": [1, 2]}], id="a longer list"
        ),
    ],
)
def test_operations(before: Any, after: Any, want: list[PatchOperation]) -> None:
    assert difference(before, after) == want
