"""What Direct vLLM offers: its InferenceProviderConfig. It has no operator. Source: vllm.md §2, §3."""

from __future__ import annotations

from typing import Any

from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, registering, server_pod

NAME = "vllm"

_DESCRIPTION = (
    "vLLM as plain Deployments and Services, without an operator; "
    "needs GPU nodes with the NVIDIA device plugin"
)
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/vllm.md"

_CAPABILITIES: dict[str, Any] = {
    "engines": [
        {
            "name": "vllm",
            "servingModes": ["aggregated"],
            "apiFormats": ["openai-chat", "openai-responses", "anthropic-messages"],
            "gpuSupport": True,
            "requiresCRD": False,
        }
    ]
}

_HEALTH = {"status": {"readyPath": "ready"}}


def registration() -> Registration:
    """The InferenceProviderConfig of Direct vLLM."""
    return Registration(
        annotations=registering.config_annotations(
            display_name="Direct vLLM",
            description=_DESCRIPTION,
            documentation=_DOCUMENTATION,
            capabilities=_CAPABILITIES,
            health=_HEALTH,
            installation=registering.installation_without_operator(
                _DESCRIPTION, token_secret="vllm-hf-token"
            ),
        ),
        spec={"capabilities": _CAPABILITIES},
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Always ready: Deployments and Services are served by every cluster."""
    return UpstreamHealth(ready=True, crd_version=server_pod.DEPLOYMENT.api_version)
