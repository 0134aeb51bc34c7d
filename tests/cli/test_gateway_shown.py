"""What plan and status say of how a deployment is published."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.console.calling import curl_of, is_reachable
from airunway.console.plan import PlannedPublication, World, plan_deployment, shipped_configs
from airunway.console.plan_publication import GatewayWorld
from airunway.gateway.kinds import ALL_KNOWN, NOTHING_SERVED
from airunway.provider.registry import installed_providers
from tests.gateway.given import gateway

PROVIDERS = installed_providers()


def planned(provider: str, gateway_world: GatewayWorld | None = None, **spec: Any) -> PlannedPublication:
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "chat", "namespace": "team-a"},
        "spec": {
            "model": {"id": "Qwen/Qwen3-0.6B"},
            "provider": {"name": provider},
            "engine": {"type": "vllm"},
            "resources": {"gpu": {"count": 1}},
            **spec,
        },
    }
    world = World(
        configs=shipped_configs(PROVIDERS),
        providers=PROVIDERS,
        alive_since=datetime.now(UTC),
        gateway=gateway_world or GatewayWorld(),
    )
    found = plan_deployment(body, source="test", namespace="team-a", world=world)
    assert found.errors == []
    assert found.published is not None
    return found.published


def kinds(published: PlannedPublication) -> list[str]:
    return [obj["kind"] for obj in published.objects]


def test_the_objects_are_shown() -> None:
    published = planned("vllm", gateway={"modelName": "chat"})

    assert published.model_name == "chat"
    assert kinds(published)[0] == "InferencePool"
    assert kinds(published)[-1] == "HTTPRoute"
    assert len(kinds(published)) == 8


def test_of_a_provider_that_makes_its_own_pool_only_the_route_is() -> None:
    published = planned("dynamo")

    assert kinds(published) == ["HTTPRoute"]
    backend = published.objects[0]["spec"]["rules"][0]["backendRefs"][0]
    assert backend["name"] == "chat-pool"


def test_the_picker_is_the_providers() -> None:
    workload = next(obj for obj in planned("llmd").objects if obj["kind"] == "Deployment")

    assert "llm-d-inference-scheduler" in workload["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.mark.parametrize(
    ("world", "spec", "words"),
    [
        (GatewayWorld(served=NOTHING_SERVED), {}, "does not serve InferencePool"),
        (GatewayWorld(served=ALL_KNOWN), {}, "no Gateway in the cluster"),
        (None, {"gateway": {"enabled": False}}, "spec.gateway.enabled is false"),
        (
            GatewayWorld(served=ALL_KNOWN, gateways=[gateway()]),
            {"gateway": {"gatewayRef": {"name": "other"}}},
            "Gateway team-a/other is not there",
        ),
    ],
)
def test_it_is_said_what_is_lacking(world: GatewayWorld | None, spec: Any, words: str) -> None:
    published = planned("vllm", world, **spec)

    assert words in published.note
    assert published.objects == []


def test_the_gateway_that_would_be_taken_is_named() -> None:
    published = planned("vllm", GatewayWorld(served=ALL_KNOWN, gateways=[gateway()]))

    assert published.gateway == "edge/inference-gateway"


def test_a_call_can_be_pasted_whatever_the_name() -> None:
    name = 'it\'s; rm -rf $HOME "x"'

    words = shlex.split(curl_of({"url": "http://10.1.2.3:8080", "modelName": name}))

    assert words[:2] == ["curl", "http://10.1.2.3:8080/v1/chat/completions"]
    assert json.loads(words[-1])["model"] == name
    assert f"X-Gateway-Model-Name: {name}" in words


def test_what_cannot_be_reached_has_no_call() -> None:
    said = {"type": "GatewayReady", "status": "False"}

    assert curl_of({"modelName": "x"}) == ""
    assert not is_reachable({"status": {"conditions": [said]}})
    assert is_reachable({"status": {"conditions": [{**said, "status": "True"}]}})
