"""Who makes pool and endpoint picker: the provider's operator, or this control plane. Pure.

Source: gateway.md §5. The provider is the resolved one, also where the spec does not name it (gateway.md,
weak spot 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airunway.api.provider_config import EngineGateway, InferenceProviderConfig


@dataclass(frozen=True, kw_only=True)
class PoolPlace:
    """An InferencePool by its place."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class GatewayRoles:
    """What a provider does for the gateway itself.

    `provider_pool`: the pool that its operator makes, with a picker of its own; None: both are made here.
    `picker_image`, `picker_config`: in place of the default ones; empty: those.
    """

    provider_pool: PoolPlace | None = None
    picker_image: str = ""
    picker_config: str = ""
    ignores_served_name: bool = False


def roles_of(
    config: InferenceProviderConfig | None, *, engine: str, namespace: str, name: str
) -> GatewayRoles:
    """The roles for one deployment; of a provider that says nothing, all is made here."""
    offered = config.engine(engine) if config is not None else None
    said = (offered.gateway if offered is not None else None) or EngineGateway()
    picker = None if said.manages_inference_pool else said.endpoint_picker
    pool = None
    if said.manages_inference_pool:
        pool = pool_place(said.dump(), namespace, name)
    return GatewayRoles(
        provider_pool=pool,
        picker_image=(picker.image if picker else None) or "",
        picker_config=(picker.config_data if picker else None) or "",
        ignores_served_name=bool(said.ignores_served_name),
    )


def pool_place(said: Mapping[str, Any], namespace: str, name: str) -> PoolPlace:
    """Where a provider makes the pool of one deployment. `said`: of an engine, as its config has it."""
    return PoolPlace(
        namespace=_filled(said.get("inferencePoolNamespace"), namespace, name) or namespace,
        name=_filled(said.get("inferencePoolNamePattern"), namespace, name) or name,
    )


def _filled(pattern: str | None, namespace: str, name: str) -> str:
    return (pattern or "").replace("{name}", name).replace("{namespace}", namespace)
