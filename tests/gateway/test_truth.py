"""Each missing link between a client and a model's pods is a reason of its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.gateway.truth import PublishedObjects, missing_link, url_of
from tests.gateway.given import gateway, listener, pod


def said(status: str, kind: str, **words: str) -> dict[str, Any]:
    return {"type": kind, "status": status, **words}


def parent(*conditions: Any, name: str = "inference-gateway") -> dict[str, Any]:
    return {"parentRef": {"name": name, "namespace": "edge"}, "conditions": list(conditions)}


GOOD = parent(said("True", "Accepted"), said("True", "ResolvedRefs"))
ROUTE = {"metadata": {"name": "mistral", "namespace": "team-a"}, "status": {"parents": [GOOD]}}
POOL = {
    "metadata": {"name": "mistral", "namespace": "team-a"},
    "spec": {"selector": {"matchLabels": {"app": "mistral"}}},
}
PICKER = {"metadata": {"name": "mistral-epp"}, "status": {"availableReplicas": 1}}


def link(**changed: Any) -> tuple[str, str]:
    given: dict[str, Any] = {
        "gateway": gateway(),
        "route": ROUTE,
        "route_name": "team-a/mistral",
        "pool": POOL,
        "picker": PICKER,
        "pods": [pod()],
        **changed,
    }
    found = missing_link(PublishedObjects(**given))
    return (found.reason, found.message) if found else ("", "")


def test_nothing_is_missing() -> None:
    assert link() == ("", "")


def with_parents(*parents: Any) -> Any:
    return {**copy.deepcopy(ROUTE), "status": {"parents": list(parents)}}


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"route": None}, "HTTPRouteNotFound", "team-a/mistral"),
        ({"route": with_parents()}, "HTTPRoutePending", "not said anything yet"),
        ({"route": with_parents(parent(said("True", "Accepted"), name="other"))}, "HTTPRoutePending", ""),
        (
            {"route": with_parents(parent(said("False", "Accepted", reason="NotAllowedByListeners")))},
            "HTTPRouteNotAccepted",
            "NotAllowedByListeners",
        ),
        (
            {
                "route": with_parents(
                    parent(said("True", "Accepted"), said("False", "ResolvedRefs", reason="RefNotPermitted"))
                )
            },
            "ReferencesNotResolved",
            "RefNotPermitted",
        ),
        (
            {
                "pool": {
                    **POOL,
                    "status": {"parents": [parent(said("False", "ResolvedRefs", message="no EPP"))]},
                }
            },
            "PoolNotAccepted",
            "no EPP",
        ),
        ({"picker": None}, "EndpointPickerNotReady", ""),
        ({"picker": {**PICKER, "status": {}}}, "EndpointPickerNotReady", "mistral-epp"),
        ({"pods": []}, "NoEndpoints", "app=mistral"),
        ({"pods": [pod(ready=False)]}, "NoEndpoints", ""),
        (
            {
                "gateway": {
                    **gateway(),
                    "status": {"conditions": [said("False", "Programmed", message="no class")]},
                }
            },
            "GatewayNotProgrammed",
            "no class",
        ),
        ({"gateway": {**gateway(), "status": {}}}, "NoAddress", "edge/inference-gateway"),
    ],
)
def test_a_link_that_is_missing(changed: Any, reason: str, words: str) -> None:
    found, message = link(**changed)

    assert found == reason
    assert words in message


def of_generation(route: Any, generation: int, observed: int) -> Any:
    conditions = [{**one, "observedGeneration": observed} for one in GOOD["conditions"]]
    meta = {**route["metadata"], "generation": generation}
    return {"metadata": meta, "status": {"parents": [{**GOOD, "conditions": conditions}]}}


def test_what_was_said_of_a_route_before_its_last_change_does_not_count() -> None:
    reason, message = link(route=of_generation(ROUTE, 3, observed=2))

    assert reason == "HTTPRoutePending"
    assert "has not said anything of what it is now yet" in message
    assert link(route=of_generation(ROUTE, 3, observed=3)) == ("", "")


def test_a_pool_of_which_no_controller_says_anything_is_taken_for_good() -> None:
    assert link(pool={**POOL, "status": {"parents": [parent()]}}) == ("", "")


THEIRS: dict[str, Any] = {
    "metadata": {"name": "theirs", "namespace": "other"},
    "spec": {"selector": {"matchLabels": {"app": "mistral"}}, "endpointPickerRef": {"name": "their-epp"}},
}
THEIR_SERVICE = {"metadata": {"name": "their-epp"}, "spec": {"selector": {"app": "epp"}}}


def of_theirs(**reference: Any) -> Any:
    given = {**THEIRS["spec"]["endpointPickerRef"], **reference}
    return {**THEIRS, "spec": {**THEIRS["spec"], "endpointPickerRef": given}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"picker_service": THEIR_SERVICE, "picker_pods": [pod()]}, ""),
        ({"picker_service": None}, "Service other/their-epp is not there"),
        ({"picker_service": THEIR_SERVICE}, "Service other/their-epp has no pod that is ready"),
        (
            {"picker_service": THEIR_SERVICE, "picker_pods": [pod(ready=False)]},
            "Service other/their-epp has no pod that is ready",
        ),
        ({"picker_service": None, "pool": of_theirs(failureMode="FailOpen")}, ""),
        ({"picker_service": None, "pool": of_theirs(failureMode="FailClose")}, "is not there"),
        ({"picker_service": None, "pool": of_theirs(kind="Other")}, ""),
        ({"picker_service": {"metadata": {"name": "their-epp"}, "spec": {}}}, ""),
    ],
    ids=[
        "up",
        "no Service",
        "no pod",
        "no pod is ready",
        "passes requests without",
        "said to refuse them",
        "not a Service",
        "addresses by hand",
    ],
)
def test_the_picker_of_a_pool_of_others_is_up_unless_requests_pass_without(given: Any, words: str) -> None:
    reason, message = link(**{"picker": None, "picker_wanted": False, "pool": THEIRS, **given})

    assert reason == ("EndpointPickerNotReady" if words else "")
    assert words in message


@pytest.mark.parametrize(
    ("listeners", "section", "url"),
    [
        ([listener()], "", "http://10.1.2.3"),
        ([listener(port=8080)], "", "http://10.1.2.3:8080"),
        ([listener(protocol="HTTPS", port=443)], "", "https://10.1.2.3"),
        ([listener(protocol="HTTPS", port=443, name="tls"), listener()], "", "http://10.1.2.3"),
        ([listener(protocol="HTTPS", port=8443, name="tls"), listener()], "tls", "https://10.1.2.3:8443"),
    ],
)
def test_where_clients_call(listeners: Any, section: str, url: str) -> None:
    assert url_of(gateway(*listeners), section) == url


def test_an_address_of_the_sixth_version_is_put_in_brackets() -> None:
    gw = gateway()
    gw["status"] = {"addresses": [{"value": ""}, {"value": "fd00::1"}]}

    assert url_of(gw) == "http://[fd00::1]"
