"""When a rule applies, for inputs that no recorded vector has yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.departures import Departure, all_rules

RULES = {rule.name: rule for rule in all_rules()}
SECRET = {"secretKeyRef": {"name": "creds", "key": "k"}}
AIKIT = "ghcr.io/kaito-project/aikit"


def given(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "chat", "namespace": "team-a", "uid": "u-1"}
    return {"model_deployment": {"metadata": metadata, "spec": {"model": {"id": "acme/chat-9b"}, **spec}}}


def llamacpp(**spec: Any) -> dict[str, Any]:
    return given(engine={"type": "llamacpp"}, **{"image": "registry.example.com/server:1", **spec})


def overridden(value: Any) -> dict[str, Any]:
    return given(provider={"overrides": value})


def env(source: dict[str, Any] | None) -> dict[str, Any]:
    return llamacpp(env=[{"name": "A", "valueFrom": source}])


@pytest.mark.parametrize(
    ("rule", "vector", "applies"),
    [
        ("kaito-baked-image", llamacpp(image=f"{AIKIT}/llama3.2:1b"), True),
        ("kaito-baked-image", llamacpp(image=f"{AIKIT}/runners/llama-cpp:1"), False),
        ("kaito-baked-image", llamacpp(image=f"{AIKIT}/team/runners/a:1"), True),
        ("kaito-env-sources", env(SECRET), False),
        ("kaito-env-sources", env({**SECRET, "fieldRef": {"fieldPath": "spec.nodeName"}}), True),
        ("kaito-env-sources", env({"secretKeyRef": None}), False),
        ("llmd-env-sources", env({"secretKeyRef": None}), False),
        ("vllm-override-selector", overridden({"spec": {"selector": {}}}), True),
        ("vllm-override-selector", overridden({"spec": False}), False),
        ("vllm-override-selector", overridden(["spec"]), False),
    ],
)
def test_a_rule_applies_where_we_answer_differently(rule: str, vector: dict[str, Any], applies: bool) -> None:
    assert RULES[rule].applies(vector) is applies


def status(**fields: Any) -> dict[str, Any]:
    return {"upstream": {"metadata": {"name": "chat", "generation": 2}, "status": fields}}


ODD_STATES = [
    status(observedGeneration="1"),
    status(conditions=[None, "x", {"type": "Available", "status": "False", "message": 5}]),
    status(conditions={"Available": "True"}, updatedReplicas="1", readyReplicas=True),
    {"upstream": {"status": "x"}},
]


STATUS_RULES = [
    rule for rule in all_rules() if rule.groups & {"provider_status/kaito", "provider_status/vllm"}
]


@pytest.mark.parametrize("rule", STATUS_RULES)
@pytest.mark.parametrize("state", ODD_STATES)
def test_no_rule_breaks_at_a_state_of_odd_types(rule: Departure, state: dict[str, Any]) -> None:
    assert rule.applies(state) in (True, False)
