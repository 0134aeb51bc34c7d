"""ModelDeployments for tests, with only what a test cares about."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment

UID = "0d2f6c3e-0000-4000-8000-000000000001"


def deployment(
    *,
    name: str = "chat",
    gpus: int = 1,
    status: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> ModelDeployment:
    """A vLLM deployment of `acme/chat-9b`; keyword arguments are fields of its spec, maps are merged."""
    given: dict[str, Any] = {
        "model": {"id": "acme/chat-9b", "source": "huggingface"},
        "engine": {"type": "vllm"},
        "resources": {"gpu": {"count": gpus}},
    }
    for key, value in spec.items():
        merged = isinstance(given.get(key), dict) and isinstance(value, dict)
        given[key] = {**given[key], **value} if merged else value
    return ModelDeployment.model_validate(
        {
            "metadata": {"name": name, "namespace": "team-a", "uid": UID, "annotations": annotations or {}},
            "spec": given,
            "status": status,
        }
    )


def runner(*, engine: dict[str, Any] | None = None, **fields: Any) -> ModelDeployment:
    """A llama.cpp deployment with a server image that holds no model."""
    wanted = {"gpus": 0, "image": "registry.example.com/server:1", **fields}
    return deployment(engine={"type": "llamacpp", **(engine or {})}, **wanted)
