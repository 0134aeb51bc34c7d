"""What llm-d offers: its InferenceProviderConfig. It has no operator. Source: llmd.md §2 and §4."""

from __future__ import annotations

from typing import Any

from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, registering, server_pod

NAME = "llmd"

SCHEDULER_VERSION = "0.6.0"
_SCHEDULER_IMAGE = f"ghcr.io/llm-d/llm-d-inference-scheduler:v{SCHEDULER_VERSION}"
_SCHEDULER_CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: prefix-cache-scorer
- type: decode-filter
- type: max-score-picker
- type: single-profile-handler
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: decode-filter
  - pluginRef: max-score-picker
  - pluginRef: prefix-cache-scorer
    weight: 2
"""
"""Text, not data: the core stores it as it is in the endpoint picker's ConfigMap."""

_DEFAULT_NAMESPACE = "default"
_DESCRIPTION = (
    "llm-d: vLLM as plain Deployments and Services behind llm-d's endpoint picker; "
    "needs GPU nodes with the NVIDIA device plugin"
)
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/llmd.md"

_CAPABILITIES: dict[str, Any] = {
    "engines": [
        {
            "name": "vllm",
            "servingModes": ["aggregated", "disaggregated"],
            "apiFormats": ["openai-chat", "openai-responses", "anthropic-messages"],
            "gpuSupport": True,
            "requiresCRD": False,
            "gateway": {
                "endpointPicker": {"image": _SCHEDULER_IMAGE, "configData": _SCHEDULER_CONFIG},
            },
        }
    ]
}

_HEALTH = {"status": {"readyPath": "ready"}}


def registration() -> Registration:
    """The InferenceProviderConfig of llm-d."""
    return Registration(
        annotations=registering.config_annotations(
            display_name="llm-d",
            description=_DESCRIPTION,
            default_namespace=_DEFAULT_NAMESPACE,
            documentation_url=_DOCUMENTATION,
            documentation=_DOCUMENTATION,
            capabilities=_CAPABILITIES,
            health=_HEALTH,
            installation=registering.installation_without_operator(
                _DESCRIPTION, token_secret="llm-d-hf-token"
            ),
        ),
        spec={"capabilities": _CAPABILITIES},
        keeps_rules=True,  # it ships none, so that an administrator may say when it is wanted (llmd.md §3)
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Always ready: Deployments and Services are served by every cluster."""
    return UpstreamHealth(ready=True, crd_version=server_pod.DEPLOYMENT.api_version)
