"""The first page: failures first, counts of everything, GPUs of nodes."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.web.pages.fleet_view import (
    MAX_FAILURES,
    NOT_SAID,
    PAGE_SIZE,
    FleetFilter,
    ShownNode,
    asked_gpus,
    fleet_page,
    gpus_in_use,
    node_gpus,
)
from airunway.web.pages.lenient import MAX_BEGINNING


def deployment(name: str, phase: str = "", namespace: str = "default", **parts: Any) -> dict[str, Any]:
    status = {"phase": phase, **parts.get("status", {})} if phase else {}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"id": "acme/tiny"}, **parts.get("spec", {})},
        "status": status,
    }


def test_failures_come_first_and_what_runs_last() -> None:
    objects = [
        deployment("a", "Running"),
        deployment("b"),
        deployment("c", "Failed"),
        deployment("d", "Deploying"),
    ]

    shown = fleet_page(objects, FleetFilter())

    assert [entry.row.name for entry in shown.entries] == ["c", "b", "d", "a"]
    assert [entry.row.name for entry in shown.failures] == ["c"]
    assert dict(shown.phases) == {"Running": 1, NOT_SAID: 1, "Failed": 1, "Deploying": 1}


def test_of_many_failures_the_first_are_shown_and_the_others_counted() -> None:
    objects = [deployment(f"broken-{number:02}", "Failed") for number in range(MAX_FAILURES + 5)]

    many, few = fleet_page(objects, FleetFilter()), fleet_page(objects[:3], FleetFilter())

    assert (len(many.failures), many.more_failures) == (MAX_FAILURES, 5)
    assert (len(few.failures), few.more_failures) == (3, 0)


def test_of_a_long_message_the_list_has_the_beginning() -> None:
    words = "no node is large enough, " * 400

    [long] = fleet_page([deployment("a", "Failed", status={"message": words})], FleetFilter()).entries
    [short] = fleet_page([deployment("a", "Failed", status={"message": "no node"})], FleetFilter()).entries

    assert long.message == words[:MAX_BEGINNING].rstrip() + "…"
    assert short.message == "no node"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (FleetFilter(phase="Failed"), ["b"]),
        (FleetFilter(phase=NOT_SAID), ["c"]),
        (FleetFilter(namespace="other"), ["a"]),
        (FleetFilter(text="ACME/T"), ["b", "c", "a"]),
        (FleetFilter(text="b"), ["b"]),
        (FleetFilter(text="nothing"), []),
    ],
)
def test_what_is_looked_for(wanted: FleetFilter, names: list[str]) -> None:
    objects = [deployment("a", "Running", "other"), deployment("b", "Failed"), deployment("c")]

    shown = fleet_page(objects, wanted)

    assert [entry.row.name for entry in shown.entries] == names
    assert (shown.found, shown.total) == (len(names), 3)


@pytest.mark.parametrize(
    ("number", "first", "previous", "following"),
    [(1, 0, None, 2), (3, 200, 2, None), (99, 200, 2, None), (-5, 0, None, 2)],
)
def test_a_thousand_come_in_pages(
    number: int, first: int, previous: int | None, following: int | None
) -> None:
    objects = [deployment(f"d{index:04}", "Running") for index in range(2 * PAGE_SIZE + 5)]

    shown = fleet_page(objects, FleetFilter(), page=number)

    assert (shown.shown_from, shown.previous_page, shown.next_page) == (first, previous, following)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({}, 0),
        ({"resources": {"gpu": {"count": 2}}}, 2),
        ({"resources": {"gpu": {"count": 2}}, "scaling": {"replicas": 3}}, 6),
        ({"resources": {"gpu": {"count": 2}}, "scaling": {"replicas": 0}}, 0),
        ({"scaling": {"prefill": {"replicas": 2, "gpu": {"count": 1}}, "decode": {"gpu": {"count": 4}}}}, 6),
        ({"resources": {"gpu": "text"}, "scaling": []}, 0),
    ],
)
def test_gpus_that_are_asked_for(spec: dict[str, Any], want: int) -> None:
    assert asked_gpus(spec) == want


def node(name: str, gpus: int, *, ready: str = "True", **spec: Any) -> dict[str, Any]:
    status = {
        "allocatable": {"nvidia.com/gpu": str(gpus)},
        "conditions": [{"type": "Ready", "status": ready}],
    }
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def pod(on: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    return {"spec": {"nodeName": on, "containers": [container]}, "status": {"phase": phase}}


def test_gpus_of_nodes() -> None:
    used = gpus_in_use([pod("a", 1), pod("a", 2), pod("b", 4, "Succeeded"), pod("", 8)])

    found = node_gpus([node("b", 4), node("a", 4), node("none", 0), node("c", 2, unschedulable=True)], used)

    assert found == [
        ShownNode("a", 4, 3, is_ready=True, is_cordoned=False),
        ShownNode("b", 4, 0, is_ready=True, is_cordoned=False),
        ShownNode("c", 2, 0, is_ready=True, is_cordoned=True),
    ]
    assert [entry.free for entry in found] == [1, 4, 0]


def test_a_node_that_is_not_ready_has_nothing_free() -> None:
    (found,) = node_gpus([node("a", 4, ready="Unknown")], {})

    assert (found.is_ready, found.free) == (False, 0)
