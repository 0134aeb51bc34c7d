"""What Direct vLLM registers."""

from __future__ import annotations

import json

from airunway.api.provider_config import ProviderConfigSpec
from airunway.provider.contract import UpstreamFacts
from airunway.providers.vllm import PROVIDER


def test_registration() -> None:
    registration = PROVIDER.registration()
    annotations = registration.annotations

    assert registration.spec == {
        "capabilities": {
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
    }
    assert ProviderConfigSpec.model_validate(registration.spec).dump() == registration.spec
    assert json.loads(annotations["airunway.ai/capabilities"]) == registration.spec["capabilities"]
    assert json.loads(annotations["airunway.ai/health"]) == {"status": {"readyPath": "ready"}}
    assert annotations["airunway.ai/display-name"] == "Direct vLLM"
    steps = json.loads(annotations["airunway.ai/installation"])["steps"]
    assert [step["command"] for step in steps] == [
        "kubectl apply -f https://raw.githubusercontent.com/NVIDIA/k8s-device-plugin/v0.17.0"
        "/deployments/static/nvidia-device-plugin.yml",
        "kubectl create secret generic vllm-hf-token "
        "--from-literal=HF_TOKEN=<your-token> -n <model-namespace>",
    ]


def test_it_is_always_ready() -> None:
    health = PROVIDER.health(UpstreamFacts())

    assert (health.ready, health.condition, health.crd_version) == (True, "", "apps/v1")
