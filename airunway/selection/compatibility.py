"""Whether a provider can run a deployment's engine, mode and hardware.

Source: core.md §5, weak spots 9 and 10. Findings come in a fixed order; reconcile reports the
first, admission all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airunway.api.model_deployment import ModelDeployment, ServingMode
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import eligibility


@dataclass(frozen=True, kw_only=True)
class Incompatibility:
    """One finding, with the path of the field it is about."""

    field: str
    message: str


def with_provider(
    deployment: ModelDeployment, config: InferenceProviderConfig, *, engine: str
) -> list[Incompatibility]:
    """Findings against one provider, ready or not. Without capabilities nothing is checked."""
    if not eligibility.has_capabilities(config):
        return []
    mode = deployment.serving_mode
    entry = config.engine(engine)
    if entry is None:
        finding = f"provider {config.name} does not support engine {engine}"
        return [Incompatibility(field="spec.engine.type", message=finding)]
    found = []
    if mode not in {supported.value for supported in entry.serving_modes or ()}:
        finding = f"provider {config.name} does not support {mode} mode for engine {engine}"
        found.append(Incompatibility(field="spec.serving.mode", message=finding))
    if _on_cpu(deployment) and not entry.cpu_support:
        finding = f"{engine} engine on provider {config.name} requires GPU (set resources.gpu.count > 0)"
        found.append(Incompatibility(field="spec.resources.gpu.count", message=finding))
    return found


def with_any_provider(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], *, engine: str
) -> list[Incompatibility]:
    """Findings when no provider is named: somebody, ready or not, must offer the engine without GPU."""
    if not _on_cpu(deployment) or not configs:
        return []
    entries = [config.engine(engine) for config in configs]
    if any(entry is not None and entry.cpu_support for entry in entries):
        return []
    finding = f"{engine} engine requires GPU (set resources.gpu.count > 0)"
    return [Incompatibility(field="spec.resources.gpu.count", message=finding)]


def gpu_warning(deployment: ModelDeployment, config: InferenceProviderConfig, *, engine: str) -> str:
    """That a named provider does not list GPU support although GPUs are asked for; empty when it does.

    A warning only: the reference never refuses this.
    """
    entry = config.engine(engine)
    if entry is None or entry.gpu_support or not eligibility.needs_of(deployment).gpu:
        return ""
    return f"provider {config.name} does not list GPU support for engine {engine}"


def _on_cpu(deployment: ModelDeployment) -> bool:
    return deployment.serving_mode == ServingMode.AGGREGATED.value and deployment.gpu_count == 0
