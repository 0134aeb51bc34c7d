"""What Dynamo offers: its InferenceProviderConfig and the probe of its operator. Source: dynamo.md §2, §3."""

from __future__ import annotations

from typing import Any

from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, UpstreamKind, registering
from airunway.providers.dynamo.release import CHART, CHART_REPOSITORY, VERSION

NAME = "dynamo"
ALPHA, BETA = "nvidia.com/v1alpha1", "nvidia.com/v1beta1"
GRAPH = UpstreamKind(
    api_version=BETA, kind="DynamoGraphDeployment", plural="dynamographdeployments", older=(ALPHA,)
)
JOB = UpstreamKind(api_version="batch/v1", kind="Job", plural="jobs", builtin=True)

OPERATOR_SELECTOR = "app.kubernetes.io/name=dynamo-operator"
OPERATOR_NAMESPACE = "dynamo-system"
HEALTH_CONDITION = "UpstreamReady"

_RELEASE = "dynamo-platform"
_DESCRIPTION = "NVIDIA Dynamo for high-performance GPU inference"
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/dynamo.md"


def _engine(name: str, *, modes: list[str], formats: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "servingModes": modes,
        "apiFormats": formats,
        "gpuSupport": True,
        "gateway": {
            "managesInferencePool": True,
            "inferencePoolNamePattern": "{name}-pool",
            "inferencePoolNamespace": "{namespace}",
        },
    }


_BOTH_MODES = ["aggregated", "disaggregated"]
_CAPABILITIES: dict[str, Any] = {
    "engines": [
        _engine("vllm", modes=_BOTH_MODES, formats=["openai-chat", "openai-responses", "anthropic-messages"]),
        _engine("sglang", modes=_BOTH_MODES, formats=["openai-chat", "anthropic-messages"]),
        _engine("trtllm", modes=["aggregated"], formats=["openai-chat", "openai-responses"]),
    ]
}

_SELECTION_RULES: list[dict[str, Any]] = [
    {"condition": "spec.engine.type == 'trtllm'", "priority": 100},
    {"condition": "spec.engine.type == 'sglang'", "priority": 100},
    {"condition": "has(spec.serving) && spec.serving.mode == 'disaggregated'", "priority": 90},
    {
        "condition": (
            "has(spec.resources.gpu) && spec.resources.gpu.count > 0 && spec.engine.type == 'vllm'"
        ),
        "priority": 50,
    },
]

_HEALTH = {
    "crds": [
        {"name": "dynamographdeployments.nvidia.com", "displayName": "DynamoGraphDeployment CRD"},
    ],
    "operatorPods": [
        {
            "namespace": OPERATOR_NAMESPACE,
            "selectors": [
                f"control-plane=controller-manager,{OPERATOR_SELECTOR},app.kubernetes.io/instance={_RELEASE}",
                OPERATOR_SELECTOR,
                "control-plane=controller-manager",
            ],
        },
        {"selectors": [OPERATOR_SELECTOR]},
    ],
}

_INSTALLATION = {
    "description": _DESCRIPTION,
    "defaultNamespace": OPERATOR_NAMESPACE,
    "helmRepos": [{"name": "nvidia-ai-dynamo", "url": CHART_REPOSITORY}],
    "helmCharts": [
        {
            "name": _RELEASE,
            "chart": CHART,
            "namespace": OPERATOR_NAMESPACE,
            "createNamespace": True,
            "values": {"global.grove.install": True},
        }
    ],
    "steps": [
        {
            "title": "Install Dynamo Platform",
            "command": (
                f"helm upgrade --install {_RELEASE} {CHART} --namespace {OPERATOR_NAMESPACE} "
                "--create-namespace --set-json global.grove.install=true"
            ),
            "description": (
                f"Install the Dynamo operator {VERSION} and its CRDs, with Grove for multi-node workers."
            ),
        }
    ],
}


def registration() -> Registration:
    """The InferenceProviderConfig of Dynamo."""
    return Registration(
        annotations=registering.config_annotations(
            display_name="Dynamo",
            description=_DESCRIPTION,
            default_namespace=OPERATOR_NAMESPACE,
            documentation_url=_DOCUMENTATION,
            documentation=_DOCUMENTATION,
            capabilities=_CAPABILITIES,
            health=_HEALTH,
            installation=_INSTALLATION,
        ),
        spec={"capabilities": _CAPABILITIES, "selectionRules": _SELECTION_RULES},
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Whether the kind is served, and no operator that can be seen is down (dynamo.md §3, weak spot 17).

    No operator in sight is no reason to be unready: it may carry other labels, as the reference allows.
    """
    served = registering.versions_served(facts, GRAPH)
    known = [version.api_version for version in GRAPH.versions if version.version in served]
    if not known:
        versions = ", ".join(served)
        found = f"only as {versions}" if versions else "not at all; install the Helm chart dynamo-platform"
        wanted = " or ".join(version.api_version for version in GRAPH.versions)
        return _answer("CRDMissing", f"{GRAPH.kind} ({wanted}) is needed, but served {found}")
    newest = known[0]
    if not facts.deployments:
        message = f"{GRAPH.kind} is served; no operator labelled {OPERATOR_SELECTOR} was found"
        return _answer("UpstreamControllerUnknown", message, version=newest, ready=True)
    operator, ready = registering.operator_in(facts.deployments)
    if not ready:
        message = f"the Dynamo operator {operator} has no ready replica"
        return _answer("UpstreamControllerNotReady", message, version=newest)
    return _answer("UpstreamHealthy", f"the Dynamo operator {operator} is ready", version=newest, ready=True)


def _answer(reason: str, message: str, *, version: str = ALPHA, ready: bool = False) -> UpstreamHealth:
    return UpstreamHealth(
        ready=ready,
        reason=reason,
        message=message,
        condition=HEALTH_CONDITION,
        crd_version=version,
    )
