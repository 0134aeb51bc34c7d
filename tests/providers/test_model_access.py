"""NetworkPolicies of models: whom the rule lets in, and to which ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, Provider, RenderContext
from airunway.provider.model_access import (
    NETWORK_POLICY,
    AccessRule,
    ModelAccess,
    with_access,
)
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment, object_problems
from airunway.workers.tenant_settings import TenantSettings
from tests.providers.build import runner
from tests.providers.pods import pods_of

PROVIDERS = installed_providers()
NAMESPACE = AccessRule(access=ModelAccess.NAMESPACE)
GATEWAY = AccessRule(access=ModelAccess.GATEWAY, gateways=("gateways",))
RESTRICTED = {"the namespace": NAMESPACE, "the gateway": GATEWAY}
DASHBOARD_PORTS = {8265, 52365, 6379, 10001}
"""Of Ray: dashboard, its agent, global state, client."""
GATEWAYS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}

by_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
by_rule = pytest.mark.parametrize("rule", RESTRICTED.values(), ids=RESTRICTED)


def smallest(provider: Provider) -> ModelDeployment:
    return runner() if provider.name == "kaito" else deployment()


def policy_of(provider: Provider, rule: AccessRule, **env: str) -> Manifest:
    given = smallest(provider)
    rendered = with_access(provider, rule).render(given, RenderContext(env=env))
    (policy,) = [obj for obj in rendered if obj["kind"] == "NetworkPolicy"]
    assert list(object_problems(with_access(provider, rule), given, rendered)) == []
    return policy


def others(policy: Manifest) -> list[dict[str, Any]]:
    """Rules for others than the deployment's own pods."""
    own = {"podSelector": policy["spec"]["podSelector"]}
    return [rule for rule in policy["spec"]["ingress"] if rule["from"] != [own]]


@by_provider
def test_everybody_may_call_as_long_as_nobody_says_otherwise(provider: Provider) -> None:
    given = smallest(provider)
    served = with_access(provider, AccessRule())

    assert served.kinds == provider.kinds
    assert served.render(given, RenderContext()) == provider.render(given, RenderContext())
    assert served.registration().annotations["airunway.ai/model-access"] == "everybody"


@by_provider
@by_rule
def test_nobody_is_let_in_from_the_whole_cluster(provider: Provider, rule: AccessRule) -> None:
    spec = policy_of(provider, rule)["spec"]

    assert spec["policyTypes"] == ["Ingress"]
    for entry in spec["ingress"]:
        assert entry["from"], "a rule without peers lets everybody in"
        for peer in entry["from"]:
            assert peer.keys() <= {"namespaceSelector", "podSelector"}
            assert peer.get("namespaceSelector", {"matchLabels": "own"})["matchLabels"]


@by_provider
@by_rule
def test_callers_reach_the_ports_that_serve_and_no_others(provider: Provider, rule: AccessRule) -> None:
    callers = others(policy_of(provider, rule))[0]

    assert callers["from"] == ([{"podSelector": {}}] if rule is NAMESPACE else [GATEWAYS])
    assert {entry["port"] for entry in callers["ports"]} == set(provider.serving_ports)
    assert DASHBOARD_PORTS.isdisjoint(provider.serving_ports)


@by_rule
def test_rays_dashboard_is_reached_by_its_own_pods_and_the_operator_only(rule: AccessRule) -> None:
    env = {"AIRUNWAY_KUBERAY_OPERATOR_NAMESPACE": "ray"}
    policy = policy_of(PROVIDERS["kuberay"], rule, **env)

    reached = [
        entry["from"]
        for entry in others(policy)
        if not DASHBOARD_PORTS.isdisjoint(port["port"] for port in entry["ports"])
    ]
    assert reached == [
        [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ray"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}},
            }
        ]
    ]


@pytest.mark.parametrize("name", ["llmd", "vllm", "kuberay"])
def test_every_pod_that_is_rendered_is_selected(name: str) -> None:
    selected = policy_of(PROVIDERS[name], NAMESPACE)["spec"]["podSelector"]["matchLabels"]

    for workload in PROVIDERS[name].render(deployment(), RenderContext()):
        for template in _templates(workload):
            assert selected.items() <= template["metadata"]["labels"].items()
    assert list(pods_of(PROVIDERS[name].render(deployment(), RenderContext())))


def _templates(value: Any) -> list[dict[str, Any]]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    own = [value["template"]] if isinstance(value, dict) and "template" in value else []
    return [*own, *(found for item in items for found in _templates(item))]


def test_gateways_may_call_beside_the_namespace() -> None:
    rule = replace(NAMESPACE, gateways=("gateways",))

    assert others(policy_of(PROVIDERS["vllm"], rule))[0]["from"] == [{"podSelector": {}}, GATEWAYS]
    assert str(rule) == "namespace, gateways"


def test_a_restricted_provider_announces_policies_and_its_rule() -> None:
    served = with_access(PROVIDERS["vllm"], GATEWAY)

    assert served.kinds[-1] == NETWORK_POLICY
    assert served.registration().annotations["airunway.ai/model-access"] == "gateway, gateways"


def test_a_gateway_has_to_be_named() -> None:
    with pytest.raises(ValidationError, match="AIRUNWAY_GATEWAY_NAMESPACES"):
        TenantSettings(model_access=ModelAccess.GATEWAY)
