"""Which fields a write changes: paths as a person would say them, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.activities.upstream.changed_fields import (
    MAX_PATHS,
    changed_by,
    changed_fields,
    with_paths_of,
)

MANAGER = "acme-provider"
MAIN = {"name": "main", "image": "a:1", "args": ["--x"]}


@dataclass(frozen=True)
class Case:
    reason: str
    live: dict[str, Any]
    desired: dict[str, Any]
    paths: list[str]
    owned: dict[str, Any] = field(default_factory=dict)
    """fieldsV1 of ours."""
    kind: str = "Server"


CASES = [
    Case("nothing", {"spec": {"a": 1, "b": 2}}, {"spec": {"a": 1}}, []),
    Case("a value", {"spec": {"a": 1}}, {"spec": {"a": 2}}, ["spec.a"]),
    Case("a field that is not there", {"spec": {}}, {"spec": {"a": {"b": 1}}}, ["spec.a"]),
    Case(
        "a field in an item with a name",
        {"spec": {"containers": [{"name": "side"}, MAIN]}},
        {"spec": {"containers": [{"name": "side"}, {**MAIN, "image": "a:2"}]}},
        ["spec.containers[name=main].image"],
    ),
    Case(
        "items that come and go",
        {"spec": {"env": [{"name": "A", "value": "1"}, {"name": "B"}]}},
        {"spec": {"env": [{"name": "A", "value": "1"}, {"name": "C"}]}},
        ["spec.env[name=C]", "spec.env[name=B]"],
    ),
    Case(
        "items in another order",
        {"spec": {"env": [{"name": "A"}, {"name": "B"}]}},
        {"spec": {"env": [{"name": "B"}, {"name": "A"}]}},
        ["spec.env"],
    ),
    Case("a list of values", {"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["a", "c"]}}, ["spec.args"]),
    Case(
        "items without names",
        {"spec": {"rules": [{"a": 1}, {"a": 2}]}},
        {"spec": {"rules": [{"a": 1}, {"a": 3}]}},
        ["spec.rules[1].a"],
    ),
    Case(
        "a quantity in other words is no change",
        {"spec": {"limits": {"memory": "1Gi", "cpu": "1"}}},
        {"spec": {"limits": {"memory": "1024Mi", "cpu": "2"}}},
        ["spec.limits.cpu"],
    ),
    Case(
        "a label",
        {"metadata": {"labels": {"a": "1", "airunway.ai/x": "1"}}},
        {"metadata": {"labels": {"airunway.ai/x": "2"}}},
        ["metadata.labels[airunway.ai/x]"],
    ),
    Case(
        "a field of ours that is not rendered any more",
        {"spec": {"a": 1, "b": 2, "items": [{"name": "x", "old": 1}]}},
        {"spec": {"a": 1, "items": [{"name": "x"}]}},
        ["spec.b", "spec.items[name=x].old"],
        owned={"f:spec": {"f:a": {}, "f:b": {}, "f:items": {'k:{"name":"x"}': {".": {}, "f:old": {}}}}},
    ),
    Case(
        "a field of somebody else stays out",
        {"spec": {"a": 1, "theirs": 2}},
        {"spec": {"a": 1}},
        [],
        owned={"f:spec": {"f:a": {}}},
    ),
    Case(
        "a secret's keys are not told",
        {"data": {"TOKEN": "b2xk"}},
        {"data": {"TOKEN": "bmV3", "OTHER": "eA=="}},
        ["data"],
        kind="Secret",
    ),
    Case("the status is nobody's wish", {"status": {"a": 1}}, {}, [], owned={"f:status": {"f:a": {}}}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_paths(case: Case) -> None:
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": case.owned}
    meta = {"managedFields": [entry], **case.live.get("metadata", {})}
    live = {"kind": case.kind, **case.live, "metadata": meta}
    desired = {"kind": case.kind, "metadata": {}, **case.desired}

    assert changed_fields(live, desired, field_manager=MANAGER) == case.paths


def test_paths_are_few_and_short() -> None:
    wide = {"x" * 5_000: 1} | {f"field{number}": number for number in range(500)}
    many = {"spec": wide, "metadata": {}}

    paths = changed_fields({"spec": {"y": 1}, "metadata": {}}, many, field_manager=MANAGER)

    assert len(paths) == MAX_PATHS
    assert max(map(len, paths)) == 200


def owned_by(manager: str, fields: dict[str, Any], **entry: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields, **entry}


def test_who_changed_a_field_is_known_by_the_managers_that_own_it() -> None:
    replicas = {"f:spec": {"f:replicas": {}}}
    containers = {"f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, "f:image": {}}}}}
    live = {
        "metadata": {
            "managedFields": [
                owned_by(MANAGER, replicas, operation="Apply"),
                owned_by("kube-controller-manager", replicas, subresource="scale"),
                owned_by("operator", {"f:status": {"f:replicas": {}}}, subresource="status"),
                owned_by("kubectl-edit", containers),
            ]
        }
    }

    def who(*paths: str) -> list[str]:
        return changed_by(live, paths, field_manager=MANAGER)

    assert who("spec.replicas") == ["kube-controller-manager"]
    assert who("spec.containers[name=main].image") == who("spec.containers") == ["kubectl-edit"]
    assert who("spec") == ["kube-controller-manager", "kubectl-edit"]
    assert who("spec.containers[name=side].image", "spec.replicasOfOthers") == []


@pytest.mark.parametrize(
    ("live", "desired", "paths", "wanted"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a.c"}, {"a": {"b": 1, "c": 3}}, id="map"),
        pytest.param(
            {"l": [{"name": "x", "v": 1}, {"name": "theirs"}]},
            {"l": [{"name": "x", "v": 1, "w": 2}, {"name": "y"}]},
            {"l[name=x].w", "l[name=y]", "l[name=theirs]"},
            {"l": [{"name": "x", "v": 1, "w": 2}, {"name": "theirs"}, {"name": "y"}]},
            id="items by name, and one of somebody else",
        ),
        pytest.param(
            {"l": [{"v": 1}, {"v": 2}]},
            {"l": [{"v": 1}, {"v": 3}]},
            {"l[1].v"},
            {"l": [{"v": 1}, {"v": 3}]},
            id="items by place",
        ),
        pytest.param({"a": 1}, {"a": 2, "b": 3}, set(), {"a": 1}, id="nothing"),
    ],
)
def test_only_what_is_named_is_taken_of_what_is_desired(
    live: Any, desired: Any, paths: set[str], wanted: Any
) -> None:
    assert with_paths_of(live, desired, paths) == wanted
