"""Short ways to say "a deployment" and "a provider"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALIVE_SINCE = NOW - timedelta(seconds=180)
CPU_RULE = "!has(spec.resources.gpu) || spec.resources.gpu.count == 0"


def deployment(
    *,
    name: str = "chat",
    engine: str | None = None,
    provider: str | None = None,
    gpus: int | None = None,
    mode: str | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> ModelDeployment:
    """A deployment of `o/m`; `spec` is laid over what the other arguments say."""
    body: dict[str, Any] = {"model": {"id": "o/m", "source": "huggingface"}, "engine": {}}
    if engine:
        body["engine"] = {"type": engine}
    if provider:
        body["provider"] = {"name": provider}
    if gpus is not None:
        body["resources"] = {"gpu": {"count": gpus, "type": "nvidia.com/gpu"}}
    if mode:
        body["serving"] = {"mode": mode}
    return ModelDeployment.model_validate(
        {
            "metadata": {"name": name, "namespace": "lab", "generation": 1, **(metadata or {})},
            "spec": {**body, **(spec or {})},
            "status": status or {},
        }
    )


def offer(
    engine: str, *, modes: tuple[str, ...] = ("aggregated",), gpu: bool = True, cpu: bool = False
) -> Any:
    """An entry of `spec.capabilities.engines`."""
    return {"name": engine, "servingModes": list(modes), "gpuSupport": gpu, "cpuSupport": cpu}


def config(
    name: str,
    *offers: Any,
    rules: dict[str, int] | None = None,
    ready: bool = True,
    heartbeat: datetime | None = None,
    capabilities: bool = True,
) -> InferenceProviderConfig:
    """A registered provider; `rules` maps conditions to priorities."""
    spec: dict[str, Any] = {}
    if capabilities:
        spec["capabilities"] = {"engines": list(offers)}
    if rules:
        spec["selectionRules"] = [{"condition": text, "priority": value} for text, value in rules.items()]
    status: dict[str, Any] = {"ready": ready}
    if heartbeat:
        status["lastHeartbeat"] = heartbeat.isoformat().replace("+00:00", "Z")
    return InferenceProviderConfig.model_validate(
        {"metadata": {"name": name}, "spec": spec, "status": status}
    )


def seconds_ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)
