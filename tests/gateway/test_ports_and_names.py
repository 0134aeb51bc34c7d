"""Ports and model names, row by row as the contract has them."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.provider_config import InferenceProviderConfig
from airunway.gateway.capabilities import PoolPlace, roles_of
from airunway.gateway.model_names import given_model_name, rivals
from airunway.gateway.naming import model_name_problem, name_problem
from airunway.gateway.ports import service_port, target_port
from tests.gateway.given import deployment, pod, service


@pytest.mark.parametrize(
    ("ports", "target", "at_service"),
    [
        ([("http", 8000, 8000)], 8000, 8000),
        ([("grpc", 9000, 9000), ("api", 80, 5000)], 5000, 80),
        ([("metrics", 9090, 9090), ("infer", 8888, 8888)], 9090, 9090),
        ([("x", 8080, "8443")], 8443, 8080),
        ([("api", 80, "web")], 80, 80),
        ([("api", 80, 0)], 80, 80),
    ],
)
def test_ports(ports: Any, target: int, at_service: int) -> None:
    found = service(*ports)

    assert target_port(found, [], reported=None) == target
    assert service_port(found, reported=None) == at_service


def test_a_named_port_is_that_of_the_pods() -> None:
    assert target_port(service(("api", 80, "web")), [pod(ports={"web": 5001})], reported=None) == 5001


@pytest.mark.parametrize(("reported", "port"), [(None, 8000), (0, 8000), (9999, 9999)])
def test_without_a_service_the_reported_port(reported: int | None, port: int) -> None:
    nothing: list[Any] = [None, {"spec": {"ports": []}}]
    for missing in nothing:
        assert target_port(missing, [], reported=reported) == port
        assert service_port(missing, reported=reported) == port


@pytest.mark.parametrize(
    ("gateway", "model", "ignores", "name"),
    [
        ({"modelName": "chat"}, {"servedName": "m7"}, False, "chat"),
        ({}, {"servedName": "m7"}, False, "m7"),
        ({}, {"servedName": "m7"}, True, ""),
        ({"modelName": "chat"}, {"servedName": "m7"}, True, "chat"),
        ({}, {}, False, ""),
    ],
)
def test_given_names(gateway: Any, model: Any, ignores: bool, name: str) -> None:
    md = deployment(gateway=gateway, model={"id": "org/x", **model})

    assert given_model_name(md, ignores_served_name=ignores) == name


@pytest.mark.parametrize("name", ["", "a\nb", "ümlaut", " x", "a" * 5000, "a\x00"])
def test_what_no_header_can_hold_is_no_name(name: str) -> None:
    assert model_name_problem(name)


def test_names_of_pickers_fit() -> None:
    assert not name_problem("a" * 59)
    assert name_problem("a" * 60)
    assert name_problem("a.b")


@pytest.mark.parametrize(
    ("said", "pool", "image"),
    [
        ({"managesInferencePool": True, "inferencePoolNamePattern": "{name}-pool"}, "team-a/llama-pool", ""),
        (
            {"managesInferencePool": True, "inferencePoolNamePattern": "{namespace}-{name}"},
            "team-a/team-a-llama",
            "",
        ),
        ({"managesInferencePool": True, "inferencePoolNamespace": "dyn-sys"}, "dyn-sys/llama", ""),
        ({"managesInferencePool": True, "endpointPicker": {"image": "ignored"}}, "team-a/llama", ""),
        ({"endpointPicker": {"image": "scheduler:1"}}, "", "scheduler:1"),
        ({"ignoresServedName": True}, "", ""),
        (None, "", ""),
    ],
)
def test_roles(said: Any, pool: str, image: str) -> None:
    engine = {"name": "vllm", **({"gateway": said} if said else {})}
    config = InferenceProviderConfig.model_validate({"spec": {"capabilities": {"engines": [engine]}}})

    roles = roles_of(config, engine="vllm", namespace="team-a", name="llama")

    assert str(roles.provider_pool or "") == pool
    assert roles.picker_image == image
    assert roles_of(config, engine="sglang", namespace="a", name="b") == roles_of(
        None, engine="vllm", namespace="a", name="b"
    )
    assert isinstance(roles.provider_pool, PoolPlace | None)


# -- who has a name ------------------------------------------------------------------------------------------


GATEWAY = ("edge", "gw")


def route(name: str, second: int, *, served: str = "m", attached: bool = True) -> dict[str, Any]:
    header = {"name": "X-Gateway-Model-Name", "value": served}
    return {
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "creationTimestamp": f"2026-01-01T00:00:0{second}Z",
            "ownerReferences": [{"kind": "ModelDeployment", "uid": name, "controller": True}],
        },
        "spec": {
            "parentRefs": [{"name": "gw", "namespace": "edge"}] if attached else [],
            "rules": [{"matches": [{"headers": [header]}]}],
        },
    }


def everybody(routes: Any) -> set[str]:
    """All of them say that they have the name."""
    return {one["metadata"]["name"] for one in routes}


def ahead(uid: str, *routes: Any, holders: Any = ()) -> str | None:
    first, _ = rivals(routes, uid=uid, gateway=GATEWAY, model_name="m", holders=holders or everybody(routes))
    return first["metadata"]["name"] if first else None


def test_the_first_that_is_served_stays() -> None:
    a, b = route("a", 2), route("b", 1, attached=False)

    assert ahead("b", a, b) == "a"
    assert ahead("a", a, b) is None
    assert ahead("new", a, b) == "a"


def test_of_two_that_are_served_the_older_stays() -> None:
    a, b = route("a", 1), route("b", 2)

    assert ahead("a", a, b) is None
    assert ahead("b", a, b) == "a"


def test_whoever_waited_longest_comes_next() -> None:
    b, c = route("b", 2, attached=False), route("c", 3, attached=False)

    assert ahead("b", b, c) is None
    assert ahead("c", b, c) == "b"
    assert ahead("new", b, c) == "b"


def test_whoever_serves_another_name_and_wants_this_one_waits() -> None:
    old, holder = route("old", 1, served="other"), route("holder", 5)

    assert ahead("old", old, holder) == "holder"
    assert ahead("holder", old, holder) is None


def test_a_route_that_its_tenant_edited_takes_no_name() -> None:
    edited, holder = route("old", 1), route("holder", 5)

    assert ahead("old", edited, holder, holders={"holder"}) == "holder"
    assert ahead("holder", edited, holder, holders={"holder"}) is None


def test_routes_of_others_count_for_nothing() -> None:
    foreign = route("x", 1)
    foreign["metadata"]["ownerReferences"] = []

    assert ahead("new", foreign) is None
