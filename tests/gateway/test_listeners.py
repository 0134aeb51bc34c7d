"""Listeners are opened for the namespaces that need it, and are afterwards as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airunway.gateway.listeners import admits, opened_for, to_close, to_open
from airunway.gateway.naming import ANNOTATION_OPENED
from tests.gateway.given import among, gateway, listener, patched

LEGACY = {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "team-a"}}}
ALL, SAME = {"from": "All"}, {"from": "Same"}
OF_TEAMS = {"from": "Selector", "selector": {"matchLabels": {"team": "yes"}}}


def namespaces(gw: dict[str, Any], index: int = 0) -> Any:
    return gw["spec"]["listeners"][index].get("allowedRoutes", {}).get("namespaces")


@pytest.mark.parametrize(
    ("before", "namespace", "after"),
    [
        pytest.param(None, "team-a", among("edge", "team-a"), id="nothing said"),
        pytest.param(SAME, "team-a", among("edge", "team-a"), id="its own"),
        pytest.param(among("team-a"), "team-b", among("edge", "team-a", "team-b"), id="without its own"),
        pytest.param(LEGACY, "team-b", among("edge", "team-a", "team-b"), id="by a label, as before"),
        pytest.param(among("team-a"), "team-a", among("edge", "team-a"), id="its own is put back"),
        pytest.param(among("team-a"), "edge", among("edge", "team-a"), id="only its own is missing"),
        pytest.param(LEGACY, "edge", among("edge", "team-a"), id="only its own is missing, by a label"),
        pytest.param(SAME, "edge", SAME, id="its own is admitted"),
        pytest.param(ALL, "team-a", ALL, id="all are never narrowed"),
        pytest.param(among("edge", "team-a"), "team-a", among("edge", "team-a"), id="is admitted"),
    ],
)
def test_opening(before: Any, namespace: str, after: Any) -> None:
    gw = gateway(listener(before))

    change = to_open(gw, namespace, labels={})

    assert not change.refusal
    assert namespaces(patched(gw, change.patch)) == after
    assert admits(patched(gw, change.patch), namespace, labels={})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(among("edge", "team-a", "team-b"), among("edge", "team-b"), id="others stay"),
        pytest.param(among("edge", "team-a"), SAME, id="nobody is left"),
        pytest.param(ALL, ALL, id="all"),
        pytest.param(among("team-a"), among("team-a"), id="an administrator's own list"),
        pytest.param(OF_TEAMS, OF_TEAMS, id="an administrator's own selector"),
        pytest.param(None, None, id="nothing said"),
    ],
)
def test_closing_what_the_reference_left(before: Any, after: Any) -> None:
    gw = gateway(listener(before))

    assert namespaces(patched(gw, to_close(gw, "team-a").patch)) == after


@pytest.mark.parametrize("before", [None, SAME, among("team-x"), LEGACY | {"from": "Selector"}])
def test_what_was_there_comes_back_with_the_last(before: Any) -> None:
    gw = gateway(listener(before), annotations={"owner": "ops"})

    for namespace in ("team-b", "team-c"):
        gw = patched(gw, to_open(gw, namespace, labels={}).patch)
    assert opened_for(gw, "team-b")
    gw = patched(gw, to_close(gw, "team-b").patch)
    assert not admits(gw, "team-b", labels={})
    assert admits(gw, "team-c", labels={})
    gw = patched(gw, to_close(gw, "team-c").patch)

    assert namespaces(gw) == (before or SAME)
    assert gw["metadata"]["annotations"] == {"owner": "ops"}


@pytest.mark.parametrize("before", [among("team-a"), LEGACY])
@pytest.mark.parametrize("leaves_first", ["edge", "team-b"])
def test_its_own_namespace_is_taken_back_where_it_was_missing(before: Any, leaves_first: str) -> None:
    gw = gateway(listener(before))
    for namespace in ("edge", "team-b"):
        gw = patched(gw, to_open(gw, namespace, labels={}).patch)
    (stays,) = {"edge", "team-b"} - {leaves_first}

    gw = patched(gw, to_close(gw, leaves_first).patch)
    assert admits(gw, stays, labels={}) and admits(gw, "team-a", labels={})
    gw = patched(gw, to_close(gw, stays).patch)

    assert namespaces(gw) == before


def test_its_own_namespace_is_not_added_to_a_selector_of_somebodys_own() -> None:
    change = to_open(gateway(listener(OF_TEAMS)), "edge", labels={})

    assert (change.patch, change.refusal) == ([], "")


def test_what_somebody_admitted_meanwhile_stays() -> None:
    gw = gateway(listener())
    gw = patched(gw, to_open(gw, "team-a", labels={}).patch)
    gw["spec"]["listeners"][0]["allowedRoutes"]["namespaces"] = among("edge", "ops", "team-a")

    gw = patched(gw, to_close(gw, "team-a").patch)

    assert namespaces(gw) == among("edge", "ops")


def test_a_listener_beside_one_that_admits_is_not_opened() -> None:
    gw = gateway(listener(ALL, name="public"), listener(SAME, name="admin"))

    assert to_open(gw, "team-a", labels={}).patch == []


def test_listeners_of_other_routes_are_left_alone() -> None:
    gw = gateway(listener(SAME, name="tcp", protocol="TCP"), listener(SAME))

    gw = patched(gw, to_open(gw, "team-a", labels={}).patch)

    assert namespaces(gw, 0) == SAME
    assert namespaces(gw, 1) == among("edge", "team-a")


def test_a_selector_of_somebodys_own_is_not_rewritten_but_named() -> None:
    gw = gateway(listener(OF_TEAMS))

    assert to_open(gw, "team-a", labels={"team": "yes"}).patch == []
    refused = to_open(gw, "team-a", labels={})
    assert refused.patch == []
    assert "let one of them admit team-a" in refused.refusal


def test_fields_of_a_listener_that_nobody_knows_are_kept() -> None:
    gw = gateway(listener(SAME, tls={"options": {"x": "y"}}, newField=1))

    after = patched(gw, to_open(gw, "team-a", labels={}).patch)["spec"]["listeners"][0]

    assert (after["tls"], after["newField"]) == ({"options": {"x": "y"}}, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "{}",
        "[1]",
        '[{"for": "team-a", "listeners": ["http"]}]',
        '[{"for": [], "listeners": 1}]',
        '"x"',
    ],
)
def test_a_spoilt_record_breaks_nothing(text: str) -> None:
    gw = gateway(listener(), annotations={ANNOTATION_OPENED: text})

    gw = patched(gw, to_open(gw, "team-a", labels={}).patch)
    gw = patched(gw, to_close(gw, "team-a").patch)

    assert namespaces(gw) == SAME


@pytest.mark.parametrize(
    ("entry", "labels", "admitted"),
    [
        ({"key": "tier", "operator": "Exists"}, {"tier": "x"}, True),
        ({"key": "tier", "operator": "DoesNotExist"}, {"tier": "x"}, False),
        ({"key": "tier", "operator": "NotIn", "values": ["x"]}, {"tier": "y"}, True),
        ({"key": "tier", "operator": "In", "values": ["x"]}, {}, False),
        ({"key": "tier", "operator": "Odd"}, {"tier": "x"}, False),
    ],
)
def test_selectors(entry: Any, labels: dict[str, str], admitted: bool) -> None:
    gw = gateway(listener({"from": "Selector", "selector": {"matchExpressions": [entry]}}))

    assert admits(gw, "team-a", labels=labels) is admitted


@pytest.mark.parametrize("count", [2, 1000])
def test_a_record_of_all_the_listeners_that_there_can_be_fits_into_an_annotation(count: int) -> None:
    names = [f"{number:04}" + "n" * 59 for number in range(count)]
    admitted = {"allowedRoutes": {"namespaces": among("edge", *names)}}
    gw = gateway(*(listener(name=f"{number:02}" + "l" * 61, **admitted) for number in range(64)))
    listeners = [one["name"] for one in gw["spec"]["listeners"]]
    record = [{"before": SAME, "for": names, "listeners": listeners}]
    gw["metadata"]["annotations"] = {ANNOTATION_OPENED: json.dumps(record)}

    gw = patched(gw, to_open(gw, "one-more", labels={}).patch)
    assert opened_for(gw, "one-more")
    assert len(gw["metadata"]["annotations"][ANNOTATION_OPENED]) < 100_000

    for name in ["one-more", *names[:2]]:
        gw = patched(gw, to_close(gw, name).patch)
    left = SAME if count == 2 else among(*names[2:], "edge")
    assert all(one["allowedRoutes"]["namespaces"] == left for one in gw["spec"]["listeners"])
    assert (ANNOTATION_OPENED in gw["metadata"]["annotations"]) is (count != 2)
