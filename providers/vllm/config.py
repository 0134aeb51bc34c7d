"""What Direct vLLM offers: its InferenceProviderConfig. It has no operator. Source: vllm.md §2, §3."""

from __future__ import annotations

import json
from typing import Any

from airunway.api import names
from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, server_pod

NAME = "vllm"

_DESCRIPTION = (
    "vLLM as plain Deployments and Services, without an operator; "
    "needs GPU nodes with the NVIDIA device plugin"
)
_DOCUMENTATION = "https://github.com/ai-runway/airunway/tree/main/docs/providers/vllm.md"
_DEVICE_PLUGIN = (
    "https://raw.githubusercontent.com/NVIDIA/k8s-device-plugin/v0.17.0"
    "/deployments/static/nvidia-device-plugin.yml"
)

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

_INSTALLATION = {
    "description": _DESCRIPTION,
    "steps": [
        {
            "title": "Install NVIDIA GPU Device Plugin",
            "command": f"kubectl apply -f {_DEVICE_PLUGIN}",
            "description": "Let the nodes offer their GPUs; skip it where the GPU operator runs.",
        },
        {
            "title": "Create HuggingFace Token Secret",
            "command": (
                "kubectl create secret generic vllm-hf-token "
                "--from-literal=HF_TOKEN=<your-token> -n <model-namespace>"
            ),
            "description": "Only for gated models: the token that downloads them.",
        },
    ],
}


def registration() -> Registration:
    """The InferenceProviderConfig of Direct vLLM."""
    return Registration(
        annotations={
            names.ANNOTATION_DISPLAY_NAME: "Direct vLLM",
            names.ANNOTATION_DESCRIPTION: _DESCRIPTION,
            names.ANNOTATION_DOCUMENTATION: _DOCUMENTATION,
            names.ANNOTATION_CAPABILITIES: json.dumps(_CAPABILITIES, separators=(",", ":")),
            names.ANNOTATION_HEALTH: json.dumps(_HEALTH, separators=(",", ":")),
            names.ANNOTATION_INSTALLATION: json.dumps(_INSTALLATION, separators=(",", ":")),
        },
        spec={"capabilities": _CAPABILITIES},
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Always ready: Deployments and Services are served by every cluster."""
    return UpstreamHealth(ready=True, crd_version=server_pod.DEPLOYMENT.api_version)
