"""What the pretend gateway's controller says of Gateways, routes and pools."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.gateway.truth import address_of, url_of
from airunway.sandbox.gateway import PretendGateway
from airunway.sandbox.gateway.attachment import rule_for
from airunway.sandbox.gateway.gateway import NAME, remove
from airunway.sandbox.gateway.state import CLASS, GATEWAYS, POOLS, ROUTES
from airunway.sandbox.serving.names import models_of
from airunway.web.derive.catalogue import premade_models
from tests.sandbox.conftest import NAMESPACE, condition_of
from tests.sandbox.gateway.conftest import GATEWAY, Caller


async def test_the_gateways_url_is_where_it_listens(caller: Caller) -> None:
    gateway = await caller.stage.until_one(GATEWAYS, NAME, lambda obj: bool(address_of(obj)))

    assert url_of(gateway) == caller.gateway.url
    assert condition_of(gateway, "Programmed")["status"] == "True"


async def test_started_again_it_has_the_address_of_now(cluster: Cluster) -> None:
    for _ in range(2):
        async with PretendGateway(cluster) as gateway:
            found = await cluster.get(GATEWAYS, NAME, namespace="default")
            assert [one["port"] for one in found["spec"]["listeners"]] == [gateway.state.port]


async def test_where_it_runs_no_more_its_gateway_is_taken_away(cluster: Cluster) -> None:
    await remove(cluster)  # nothing of it was ever there
    async with PretendGateway(cluster):
        assert await cluster.find(GATEWAYS, NAME, namespace="default")

    await remove(cluster)

    assert await cluster.find(GATEWAYS, NAME, namespace="default") is None


async def test_a_gateway_that_it_cannot_serve_is_not_programmed_and_others_are_left_alone(
    caller: Caller,
) -> None:
    for name, class_name in (("mine", CLASS), ("foreign", "istio")):
        listener = {"name": "http", "port": 1, "protocol": "HTTP"}
        spec = {"gatewayClassName": class_name, "listeners": [listener]}
        await caller.make("Gateway", name, spec)

    mine = await caller.stage.until_one(GATEWAYS, "mine", lambda obj: condition_of(obj, "Programmed"))

    assert condition_of(mine, "Programmed")["status"] == "False"
    assert address_of(mine) == ""
    assert "status" not in await caller.stage.cluster.get(GATEWAYS, "foreign", namespace=NAMESPACE)


async def test_a_listener_counts_its_routes_and_says_how_it_stands(caller: Caller) -> None:
    served = {"name": "http", "port": caller.gateway.state.port, "protocol": "HTTP"}
    others = [{**served, "name": "tls", "protocol": "HTTPS"}, {**served, "name": "far", "port": 1}]
    only = {**served, "name": "grpc", "allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}
    patch = {"spec": {"listeners": [served, *others, only]}}
    await caller.stage.cluster.patch(GATEWAYS, NAME, patch, namespace="default")
    for name in ("a", "b"):
        await caller.make("HTTPRoute", name, {"parentRefs": [GATEWAY], "rules": []}, namespace="default")
    far = {"parentRefs": [{**GATEWAY, "sectionName": "far"}], "rules": []}
    await caller.make("HTTPRoute", "c", far, namespace="default")

    wanted = {"http": 2, "tls": 0, "far": 3, "grpc": 0}
    gateway = await caller.stage.until_one(GATEWAYS, NAME, lambda obj: counts(obj) == wanted)

    said = {one["name"]: one["conditions"] for one in gateway["status"]["listeners"]}
    reasons = {name: {one["type"]: one["reason"] for one in found} for name, found in said.items()}
    assert reasons["http"]["Programmed"] == "Programmed"
    assert reasons["tls"]["Accepted"] == "UnsupportedProtocol"
    assert reasons["far"]["Accepted"] == "PortUnavailable"
    assert reasons["grpc"]["ResolvedRefs"] == "InvalidRouteKinds"
    assert condition_of(gateway, "Accepted")["reason"] == "ListenersNotValid"
    assert condition_of(gateway, "Programmed")["status"] == "True"

    await caller.stage.cluster.delete(ROUTES, "a", namespace="default")
    await caller.stage.until_one(GATEWAYS, NAME, lambda obj: counts(obj).get("http") == 1)


def counts(gateway: Any) -> dict[str, int]:
    listeners = (gateway.get("status") or {}).get("listeners") or []
    return {one["name"]: one["attachedRoutes"] for one in listeners}


async def test_a_route_is_told_what_it_lacks_until_it_is_there(caller: Caller) -> None:
    await caller.route("chat", "org/chat")
    await caller.until_said(ROUTES, "chat", "ResolvedRefs", "BackendNotFound")

    await caller.pool("chat", "chat", picker=False)
    route = await caller.until_said(ROUTES, "chat", "ResolvedRefs", "ResolvedRefs")
    await caller.until_said(POOLS, "chat", "ResolvedRefs", "InvalidExtensionRef")
    await caller.service("chat-epp", "epp")
    await caller.until_said(POOLS, "chat", "ResolvedRefs", "ResolvedRefs")

    said = route["status"]["parents"][0]
    assert said["parentRef"]["name"] == NAME
    assert {one["observedGeneration"] for one in said["conditions"]} == {1}


async def test_another_namespaces_pool_wants_a_grant(caller: Caller) -> None:
    await caller.stage.cluster.create(NAMESPACES, {"metadata": {"name": "pools"}})
    spec = {
        "selector": {"matchLabels": {"app": "x"}},
        "targetPorts": [{"number": 8000}],
        "endpointPickerRef": {"name": "x", "port": {"number": 9002}},
    }
    await caller.make("InferencePool", "far", spec, namespace="pools")
    backend = {
        "group": "inference.networking.k8s.io",
        "kind": "InferencePool",
        "name": "far",
        "namespace": "pools",
    }
    await caller.route("chat", "org/chat", backendRefs=[backend])
    await caller.until_said(ROUTES, "chat", "ResolvedRefs", "RefNotPermitted")

    grant = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": NAMESPACE}],
        "to": [{"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "far"}],
    }
    await caller.make("ReferenceGrant", "far", grant, namespace="pools")

    await caller.until_said(ROUTES, "chat", "ResolvedRefs", "ResolvedRefs")


@pytest.mark.parametrize("entry", premade_models(), ids=lambda entry: str(entry["id"]))
def test_images_of_others_call_their_models_as_the_catalogue_says(entry: dict[str, Any]) -> None:
    assert models_of({"spec": {"containers": [{"image": entry["image"]}]}}) == [entry["modelName"]]


async def test_a_listener_takes_only_whom_it_admits(caller: Caller) -> None:
    await caller.stage.cluster.create(NAMESPACES, {"metadata": {"name": "team-b"}})
    spec = {"parentRefs": [GATEWAY], "rules": []}
    await caller.make("HTTPRoute", "b", spec, namespace="team-b")
    await caller.until_said(ROUTES, "b", "Accepted", "Accepted")

    listener = {"name": "http", "port": caller.gateway.state.port, "protocol": "HTTP"}
    patch = {"spec": {"listeners": [listener]}}  # the default: its own namespace
    await caller.stage.cluster.patch(GATEWAYS, NAME, patch, namespace="default")

    await caller.until_said(ROUTES, "b", "Accepted", "NotAllowedByListeners")


@pytest.mark.parametrize(
    ("container", "names"),
    [
        ({"args": ["--model", "org/x", "--port=8000"]}, ["org/x"]),
        ({"args": ["--model=org/x", "--served-model-name", "a", "b", "--port", "1"]}, ["a", "b"]),
        ({"command": ["vllm", "serve", "org/x"], "args": ["--port", "1"]}, ["org/x"]),
        ({"args": ["serve", "org/x"]}, ["org/x"]),
        ({"command": ["python3", "-m", "sglang.launch_server"], "args": ["--model-path", "y"]}, ["y"]),
        ({"command": ["/bin/sh", "-c", "python3 api.py --model=phi-4"]}, ["phi-4"]),
        ({"args": ["https://hub/x/resolve/main/tiny.gguf?a=b", "--address=:5000"]}, ["tiny.gguf"]),
        ({"args": ["--address=:5000"], "image": "ghcr.io/a/mine:1b@sha256:00"}, ["mine"]),
        ({"image": "ghcr.io/a/llama3.2:1b@sha256:00"}, ["llama-3.2-1b-instruct"]),
        (
            {"command": ["/bin/sh", "-c", "python3 api.py --model=o/Phi-4 --served-model-name=phi-4"]},
            ["phi-4"],
        ),
        ({"image": "x/vllm:1", "command": ["sh", "-c"], "args": ["'unclosed"]}, ["vllm"]),
    ],
)
def test_a_server_calls_its_model_by_its_command_line(container: Any, names: list[str]) -> None:
    assert models_of({"spec": {"containers": [container]}}) == names


def test_the_more_precise_route_wins_then_the_older() -> None:
    def route(name: str, since: str, **match: Any) -> Any:
        meta = {"name": name, "namespace": "a", "creationTimestamp": since}
        return {"metadata": meta, "spec": {"rules": [{"matches": [match]}]}}

    header = [{"name": "x", "value": "1"}]
    routes = [
        route("any", "1"),
        route("young", "3", headers=header),
        route("old", "2", headers=header),
        route("deep", "4", path={"type": "PathPrefix", "value": "/v1/x"}),
        route("exact", "5", path={"type": "Exact", "value": "/v1/x"}),
    ]

    def way(path: str, **headers: str) -> str:
        found = rule_for(routes, method="GET", path=path, headers=headers)
        return str(found[0]["metadata"]["name"]) if found else ""

    assert [way("/v1"), way("/v1", x="1"), way("/v1/x"), way("/v1/x/y"), way("/v1/xy")] == [
        *("any", "old", "exact", "deep", "any")
    ]
