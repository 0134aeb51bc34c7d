"""What KAITO offers: its InferenceProviderConfig and the probe of its operator. Source: kaito.md §2, §3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, UpstreamKind, registering

NAME = "kaito"
WORKSPACE = UpstreamKind(api_version="kaito.sh/v1beta1", kind="Workspace", plural="workspaces")
OPERATOR_SELECTOR = "app.kubernetes.io/name in (workspace, ai-toolchain-operator)"
HEALTH_CONDITION = "UpstreamReady"
OPERATOR_NAMESPACE = "kaito-workspace"

_CHART_VERSION = "0.12.0"
_REPOSITORY = "https://kaito-project.github.io/kaito/charts/kaito"
_DESCRIPTION = "KAITO, the Kubernetes AI toolchain operator: serves models from presets and GGUF images"
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/kaito.md"

CHART_VALUES: Mapping[str, bool] = {
    "featureGates.disableNodeAutoProvisioning": True,
    "nvidiaDevicePlugin.enabled": False,
    "localCSIDriver.useLocalCSIDriver": False,
    "gpu-feature-discovery.gfd.enabled": False,
    "gpu-feature-discovery.nfd.master.deploy": False,
    "gpu-feature-discovery.nfd.worker.deploy": False,
}
"""Chart values for nodes that the user brings: what the renderer counts on, in the order of the manual step.

With node auto-provisioning on, KAITO's webhook refuses every Workspace without an instance type.
"""

_ENGINES: list[dict[str, Any]] = [
    {
        "name": "vllm",
        "servingModes": ["aggregated"],
        "apiFormats": ["openai-chat", "openai-responses", "anthropic-messages"],
        "gpuSupport": True,
    },
    {
        "name": "llamacpp",
        "servingModes": ["aggregated"],
        "apiFormats": ["openai-chat"],
        "gpuSupport": True,
        "cpuSupport": True,
        "gateway": {"ignoresServedName": True},
    },
]

_SELECTION_RULES: list[dict[str, Any]] = [
    {"condition": "!has(spec.resources.gpu) || spec.resources.gpu.count == 0", "priority": 100},
    {"condition": "spec.engine.type == 'llamacpp'", "priority": 100},
]

_HEALTH = {
    "crds": [{"name": "workspaces.kaito.sh", "displayName": "KAITO workspace CRD"}],
    "operatorPods": [
        {
            "namespace": OPERATOR_NAMESPACE,
            "selectors": [
                "app.kubernetes.io/name=workspace,app.kubernetes.io/instance=kaito-workspace",
                "app.kubernetes.io/name=workspace",
            ],
        },
        {"selectors": ["app.kubernetes.io/name=workspace", "app=ai-toolchain-operator"]},
    ],
}


def _install_command() -> str:
    values = " ".join(f"--set {path}={str(value).lower()}" for path, value in CHART_VALUES.items())
    return (
        f"helm upgrade --install kaito-workspace kaito/workspace --version {_CHART_VERSION} "
        f"-n {OPERATOR_NAMESPACE} --create-namespace {values} --wait"
    )


def _installation() -> dict[str, Any]:
    return {
        "description": _DESCRIPTION,
        "defaultNamespace": OPERATOR_NAMESPACE,
        "helmRepos": [{"name": "kaito", "url": _REPOSITORY}],
        "helmCharts": [
            {
                "name": "kaito-workspace",
                "chart": "kaito/workspace",
                "version": _CHART_VERSION,
                "namespace": OPERATOR_NAMESPACE,
                "createNamespace": True,
                "values": dict(CHART_VALUES),
            }
        ],
        "steps": [
            {
                "title": "Add KAITO Helm Repository",
                "command": f"helm repo add kaito {_REPOSITORY}",
                "description": "Make the KAITO charts known to Helm.",
            },
            {
                "title": "Update Helm Repositories",
                "command": "helm repo update kaito",
                "description": "Fetch the current list of KAITO charts.",
            },
            {
                "title": "Install KAITO Workspace Operator",
                "command": _install_command(),
                "description": "Install the operator for nodes that are already in the cluster.",
            },
        ],
    }


def registration() -> Registration:
    """The InferenceProviderConfig of KAITO."""
    capabilities = {"engines": _ENGINES}
    return Registration(
        annotations=registering.config_annotations(
            display_name="KAITO",
            description=_DESCRIPTION,
            default_namespace=OPERATOR_NAMESPACE,
            documentation_url=_DOCUMENTATION,
            documentation=_DOCUMENTATION,
            capabilities=capabilities,
            health=_HEALTH,
            installation=_installation(),
        ),
        spec={"capabilities": capabilities, "selectionRules": _SELECTION_RULES},
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Whether the Workspace kind is served and an operator Deployment is ready (kaito.md §3)."""
    served = registering.versions_served(facts, WORKSPACE)
    if not served:
        return _unhealthy("CRDMissing", "the kind Workspace of kaito.sh is not installed")
    if WORKSPACE.version not in served:
        return _unhealthy(
            "CRDMissing",
            f"Workspace is served as {', '.join(served)}, but {WORKSPACE.version} is needed; upgrade KAITO",
        )
    if not facts.deployments:
        return _unhealthy(
            "UpstreamControllerMissing",
            "no KAITO operator found; install the Helm chart kaito/workspace into kaito-workspace, or "
            "enable the AKS add-on (az aks update --enable-ai-toolchain-operator), which runs in kube-system",
        )
    operator, ready = registering.operator_in(facts.deployments)
    if not ready:
        return _unhealthy("UpstreamControllerNotReady", f"the KAITO operator {operator} has no ready replica")
    return UpstreamHealth(
        ready=True,
        reason="UpstreamHealthy",
        message=f"the KAITO operator {operator} is ready",
        condition=HEALTH_CONDITION,
        crd_version=WORKSPACE.api_version,
    )


def _unhealthy(reason: str, message: str) -> UpstreamHealth:
    return UpstreamHealth(
        ready=False,
        reason=reason,
        message=message,
        condition=HEALTH_CONDITION,
        crd_version=WORKSPACE.api_version,
    )
