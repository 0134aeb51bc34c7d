"""Who may call a model: a NetworkPolicy beside each deployment's objects, for every provider alike. Pure.

Apart from rendering because it is the cluster's setting and no provider's: a provider only says which ports
are there to be called, and who but callers has to reach its pods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import (
    Manifest,
    Provider,
    Registration,
    RenderContext,
    UpstreamKind,
)
from airunway.provider.operator_peer import OperatorPeer
from airunway.provider.rendering import object_labels, object_metadata

NETWORK_POLICY = UpstreamKind(
    api_version="networking.k8s.io/v1", kind="NetworkPolicy", plural="networkpolicies", builtin=True
)
SUFFIX = "-model-access"
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The API server itself puts it on every namespace."""


class ModelAccess(StrEnum):
    """Who may call a model."""

    EVERYBODY = "everybody"
    NAMESPACE = "namespace"
    GATEWAY = "gateway"


@dataclass(frozen=True, kw_only=True)
class AccessRule:
    """The cluster's rule. `gateways`: namespaces whose pods may call beside those that `access` names."""

    access: ModelAccess = ModelAccess.EVERYBODY
    gateways: Sequence[str] = ()

    @property
    def is_restricted(self) -> bool:
        """Whether there are NetworkPolicies at all."""
        return self.access is not ModelAccess.EVERYBODY

    def __str__(self) -> str:
        beside = f", {', '.join(sorted(self.gateways))}" if self.is_restricted and self.gateways else ""
        return f"{self.access}{beside}"


def with_access(provider: Provider, rule: AccessRule) -> Provider:
    """The provider as it is served under a rule.

    Its config names the rule, so that a change of it reaches every deployment, and the kind, so that somebody
    follows the policies and a change of one is repaired.
    """

    def registration() -> Registration:
        own = provider.registration()
        return replace(own, annotations={**own.annotations, names.ANNOTATION_MODEL_ACCESS: str(rule)})

    if not rule.is_restricted:
        return replace(provider, registration=registration)
    kinds = (*provider.kinds, NETWORK_POLICY)
    return replace(provider, registration=registration, kinds=kinds, objects=_objects(provider, rule))


def _objects(
    provider: Provider, rule: AccessRule
) -> Callable[[ModelDeployment, RenderContext], list[Manifest]]:
    def objects(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
        policy = network_policy(provider, deployment, rule, env=context.env)
        return [*provider.objects(deployment, context), policy]

    return objects


def network_policy(
    provider: Provider, deployment: ModelDeployment, rule: AccessRule, *, env: Mapping[str, str]
) -> Manifest:
    """Who may reach the pods of a deployment.

    The pods reach each other at every port; callers reach the ports that serve; operators what they need.
    """
    own = {provider.pod_label: deployment.name}
    ingress = [
        {"from": [{"podSelector": {"matchLabels": own}}]},
        _rule(_callers(rule), provider.serving_ports),
        *(_rule([_operator(peer, env)], peer.ports) for peer in provider.operator_peers),
    ]
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.kind,
        "metadata": object_metadata(
            deployment, name=f"{deployment.name}{SUFFIX}", labels=object_labels(deployment)
        ),
        "spec": {"podSelector": {"matchLabels": own}, "policyTypes": ["Ingress"], "ingress": ingress},
    }


def _callers(rule: AccessRule) -> list[dict[str, Any]]:
    here: list[dict[str, Any]] = [{"podSelector": {}}] if rule.access is ModelAccess.NAMESPACE else []
    gateways = [{"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}} for name in rule.gateways]
    return [*here, *gateways]


def _operator(peer: OperatorPeer, env: Mapping[str, str]) -> dict[str, Any]:
    namespace = env.get(peer.namespace_variable, "").strip() or peer.namespace
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": dict(peer.labels)},
    }


def _rule(peers: list[dict[str, Any]], ports: Sequence[int]) -> dict[str, Any]:
    numbers = [{"port": port, "protocol": "TCP"} for port in ports]
    return {"from": peers, **({"ports": numbers} if numbers else {})}
