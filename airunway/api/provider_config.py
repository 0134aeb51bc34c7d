"""The InferenceProviderConfig custom resource: what a provider offers and whether it can be used now.

Source: crds.md §7. Reading is lenient: an entry of `engines` may be the plain string of early versions
(crds.md §10), which then offers nothing until its provider registers again.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from airunway.api.core_types import Condition
from airunway.api.model_deployment import EngineType, ObjectMeta, ServingMode
from airunway.api.status import ApiFormat
from airunway.api.wire import Flag, Int32, Text, Wire, wire_field


class EndpointPicker(Wire):
    """An endpoint picker in place of the default one."""

    image: Text | None = wire_field("Image; empty: the default.")
    config_data: Text | None = wire_field("Configuration (YAML); empty: the default.")


class EngineGateway(Wire):
    """What a provider does for the Gateway itself."""

    manages_inference_pool: Flag | None = wire_field("The provider makes InferencePool and endpoint picker.")
    inference_pool_name_pattern: Text | None = wire_field(
        "Name of that pool, with {name} and {namespace}; empty: the deployment's name."
    )
    inference_pool_namespace: Text | None = wire_field("Namespace of that pool, with the same placeholders.")
    endpoint_picker: EndpointPicker | None = wire_field("Endpoint picker to use.")
    ignores_served_name: Flag | None = wire_field("Routing must not use model.servedName.")


class EngineCapability(Wire):
    """One engine of a provider and how it can run."""

    name: EngineType = wire_field("Engine.", required=True)
    serving_modes: list[ServingMode] | None = wire_field("Modes; empty: none.")
    api_formats: list[ApiFormat] | None = wire_field("API formats; empty: openai-chat.")
    gpu_support: Flag | None = wire_field("Runs on GPUs.")
    cpu_support: Flag | None = wire_field("Runs without GPU.")
    requires_crd: Flag | None = Field(
        default=None, alias="requiresCRD", description="Needs an upstream operator; absent: yes."
    )
    gateway: EngineGateway | None = wire_field("Gateway capabilities.")


class Capabilities(Wire):
    """What a provider can do."""

    engines: list[EngineCapability] | None = wire_field("Engines.", list_map_keys=["name"])

    @field_validator("engines", mode="before")
    @classmethod
    def _old_string_entries(cls, engines: Any) -> Any:
        if isinstance(engines, list):
            return [{"name": entry} if isinstance(entry, str) else entry for entry in engines]
        return engines


class SelectionRule(Wire):
    """A CEL expression over `spec`, and what it counts when it is true."""

    condition: Text = wire_field("CEL expression; true: the rule matches.", required=True)
    priority: Int32 | None = wire_field("Higher wins.", crd_default=0, minimum=0)


class ProviderConfigSpec(Wire):
    """What a provider offers."""

    capabilities: Capabilities | None = wire_field("Engines; absent: never selected, never checked.")
    selection_rules: list[SelectionRule] | None = wire_field("When to select it automatically.")


class ProviderConfigStatus(Wire):
    """Whether a provider can be used now."""

    ready: Flag | None = wire_field("May receive new deployments.")
    version: Text | None = wire_field("Version of the provider's worker.")
    last_heartbeat: Text | None = Field(
        default=None,
        description="Last time its worker wrote this.",
        json_schema_extra={"format": "date-time"},
    )
    upstream_crd_version: Text | None = Field(
        default=None, alias="upstreamCRDVersion", description="Version of the upstream kind."
    )
    upstream_schema_hash: Text | None = wire_field("Reserved.")
    conditions: list[Condition] | None = wire_field("Aspects of the state.", list_map_keys=["type"])


class InferenceProviderConfig(Wire):
    """A registered provider."""

    api_version: Text | None = None
    kind: Text | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ProviderConfigSpec | None = None
    status: ProviderConfigStatus | None = None

    @property
    def name(self) -> str:
        """metadata.name: the provider's id."""
        return self.metadata.name

    @property
    def ready(self) -> bool:
        """status.ready; absent is false."""
        return bool(self.status and self.status.ready)

    @property
    def engines(self) -> list[EngineCapability]:
        """The engines it offers; empty without capabilities."""
        capabilities = self.spec.capabilities if self.spec else None
        return (capabilities.engines or []) if capabilities else []

    def engine(self, engine_type: str) -> EngineCapability | None:
        """The entry of one engine, if it is offered."""
        return next((entry for entry in self.engines if entry.name.value == engine_type), None)
