"""The compared form of objects keeps what counts, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.objects import document, normal


def container(**fields: Any) -> Any:
    return normal({"containers": [{"name": "main", **fields}]})


def env(*entries: tuple[str, str]) -> Any:
    return container(env=[{"name": name, "value": value} for name, value in entries])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (env(("A", "1"), ("B", "2")), env(("B", "2"), ("A", "1"))),
        (env(("A", "1"), ("A", "2")), env(("A", "2"), ("A", "1"))),
        (env(("A", "1"), ("A", "1")), env(("A", "1"))),
        (container(args=["--model", "m", "--x"]), container(args=["--model m", "--x"])),
        (container(args=["--x", "--model", "m"]), container(args=["--model", "m", "--x"])),
        (container(command=["a b"]), container(command=["a", "b"])),
        ({"text": normal("a\nb")}, {"text": normal(["a", "b"])}),
        (normal({"rayStartParams": {}}), normal({})),
        (document([{"kind": "A", "metadata": {}}, {"kind": "B"}]), document([{"kind": "B"}, {"kind": "A"}])),
    ],
)
def test_what_counts_makes_a_difference(one: Any, other: Any) -> None:
    assert one != other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"volumes": [{"name": "a"}, {"name": "b"}]}, {"volumes": [{"name": "b"}, {"name": "a"}]}),
        (
            {"volumes": [{"name": "a", "x": 1}, {"name": "a"}]},
            {"volumes": [{"name": "a"}, {"name": "a", "x": 1}]},
        ),
        ({"tolerations": [{"key": "b"}, {"key": "a"}]}, {"tolerations": [{"key": "a"}, {"key": "b"}]}),
        ({"annotations": {}, "args": [], "x": None}, {}),
        ({"secretKeyRef": {"name": "", "key": "k"}}, {"secretKeyRef": {"key": "k"}}),
    ],
)
def test_what_does_not_count_makes_none(one: Any, other: Any) -> None:
    assert normal(one) == normal(other)
