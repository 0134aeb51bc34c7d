"""What KubeRay offers: its InferenceProviderConfig and its health. Source: kuberay.md §2, §3."""

from __future__ import annotations

from typing import Any

from airunway.provider import (
    OperatorPeer,
    Registration,
    UpstreamFacts,
    UpstreamHealth,
    UpstreamKind,
    registering,
)

NAME = "kuberay"
RAY_SERVICE = UpstreamKind(api_version="ray.io/v1", kind="RayService", plural="rayservices")

_NAMESPACE = "ray-system"
_CHART_VERSION = "1.7.0"
_REPOSITORY = "https://ray-project.github.io/kuberay-helm/"
_DESCRIPTION = "KubeRay: vLLM on Ray Serve, on one or many GPU nodes"
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/kuberay.md"

OPERATOR = OperatorPeer(
    namespace=_NAMESPACE,
    labels={"app.kubernetes.io/name": "kuberay-operator"},
    ports=(8265, 52365, 8000),
    namespace_variable="AIRUNWAY_KUBERAY_OPERATOR_NAMESPACE",
)
"""KubeRay writes the Serve application to the dashboard, asks its agent, and probes the proxies."""

_CAPABILITIES: dict[str, Any] = {
    "engines": [
        {
            "name": "vllm",
            "servingModes": ["aggregated", "disaggregated"],
            "apiFormats": ["openai-chat"],  # Ray Serve passes no other API through
            "gpuSupport": True,
        }
    ]
}

_SELECTION_RULES: list[dict[str, Any]] = [
    {
        "condition": (
            "has(spec.resources.gpu) && spec.resources.gpu.count > 1 && spec.engine.type == 'vllm'"
        ),
        "priority": 80,
    }
]

_HEALTH = {
    "crds": [{"name": "rayservices.ray.io", "displayName": "KubeRay RayService CRD"}],
    "operatorPods": [
        {
            "namespace": _NAMESPACE,
            "selectors": [
                "app.kubernetes.io/name=kuberay-operator,app.kubernetes.io/instance=kuberay-operator",
                "app.kubernetes.io/name=kuberay-operator",
            ],
        },
        {"selectors": ["app.kubernetes.io/name=kuberay-operator"]},
    ],
}

_INSTALLATION = {
    "description": _DESCRIPTION,
    "defaultNamespace": _NAMESPACE,
    "helmRepos": [{"name": "kuberay", "url": _REPOSITORY}],
    "helmCharts": [
        {
            "name": "kuberay-operator",
            "chart": "kuberay/kuberay-operator",
            "version": _CHART_VERSION,
            "namespace": _NAMESPACE,
            "createNamespace": True,
        }
    ],
    "steps": [
        {
            "title": "Add KubeRay Helm Repository",
            "command": f"helm repo add kuberay {_REPOSITORY}",
            "description": "Make the KubeRay charts known to Helm.",
        },
        {
            "title": "Update Helm Repositories",
            "command": "helm repo update",
            "description": "Fetch the current list of charts.",
        },
        {
            "title": "Install KubeRay Operator",
            "command": (
                "helm upgrade --install kuberay-operator kuberay/kuberay-operator "
                f"--version {_CHART_VERSION} -n {_NAMESPACE} --create-namespace --wait"
            ),
            "description": "Install the operator and its custom resource definitions.",
        },
    ],
}


def registration() -> Registration:
    """The InferenceProviderConfig of KubeRay."""
    return Registration(
        annotations=registering.config_annotations(
            display_name="KubeRay",
            description=_DESCRIPTION,
            default_namespace=_NAMESPACE,
            documentation_url=_DOCUMENTATION,
            documentation=_DOCUMENTATION,
            capabilities=_CAPABILITIES,
            health=_HEALTH,
            installation=_INSTALLATION,
        ),
        spec={"capabilities": _CAPABILITIES, "selectionRules": _SELECTION_RULES},
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Whether RayService is served as `ray.io/v1`; operator pods are not looked at (kuberay.md §3)."""
    served = registering.versions_served(facts, RAY_SERVICE)
    if RAY_SERVICE.version in served:
        return UpstreamHealth(ready=True, reason="UpstreamHealthy", crd_version=RAY_SERVICE.api_version)
    problem = "the kind RayService of ray.io is not installed"
    if served:
        versions = ", ".join(served)
        problem = f"RayService is served as {versions}, but {RAY_SERVICE.version} is needed; upgrade KubeRay"
    return UpstreamHealth(
        ready=False, reason="CRDMissing", message=problem, crd_version=RAY_SERVICE.api_version
    )
