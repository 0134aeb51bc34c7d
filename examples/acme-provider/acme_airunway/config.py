"""What Acme offers: its InferenceProviderConfig, and whether it can be used now."""

from __future__ import annotations

from airunway.provider import Registration, UpstreamFacts, UpstreamHealth, UpstreamKind

NAME = "acme"
SERVER = UpstreamKind(api_version="acme.dev/v1", kind="Server", plural="servers")


def registration() -> Registration:
    """One engine on GPUs; chosen, before any other provider, for Acme's own models."""
    engine = {
        "name": "vllm",
        "servingModes": ["aggregated"],
        "apiFormats": ["openai-chat"],
        "gpuSupport": True,
    }
    return Registration(
        annotations={"airunway.ai/display-name": "Acme"},
        spec={
            "capabilities": {"engines": [engine]},
            "selectionRules": [{"condition": "spec.model.id.startsWith('acme/')", "priority": 200}],
        },
    )


def health(facts: UpstreamFacts) -> UpstreamHealth:
    """Ready when the cluster serves the kind Server in our version."""
    if any(kind.api_version == SERVER.api_version for kind in facts.kinds):
        return UpstreamHealth(ready=True, reason="UpstreamHealthy", condition="UpstreamReady")
    return UpstreamHealth(
        ready=False,
        reason="CRDMissing",
        message="the kind Server of acme.dev/v1 is not installed",
        condition="UpstreamReady",
    )
