"""Settings of what one deployment may override and demand. Alike for workers, webhooks and command line."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from airunway.api.overrides import OverridesMode
from airunway.api.paths import pattern
from airunway.api.quantities import InvalidQuantity, parse
from airunway.provider.ceilings import Ceilings
from airunway.provider.policy import OverridesPolicy

_DEFAULT = Ceilings()


class LimitSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    overrides: OverridesMode = Field(
        default=OverridesMode.ALLOWLIST,
        description="What `spec.provider.overrides` may touch: what the provider's package lists "
        "(`allowlist`), `anything`, or nothing (`off`). Ceilings and forbidden fields hold in each; see "
        "[security.md](security.md#overrides-and-ceilings).",
    )
    overrides_allowed: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Paths that may be overridden, or rendered, besides: provider (`*`: each) to paths, as "
        'JSON: `{"vllm": ["spec.template.spec.priorityClassName"]}`. `*` stands for one key or list index; '
        "what is below a path is allowed with it.",
    )
    max_replicas: int = Field(
        default=_DEFAULT.replicas,
        ge=0,
        description="Pods of one kind (a Deployment, a worker group) that a deployment may have; the API's "
        "own limit of `scaling.replicas`.",
    )
    max_pods: int = Field(
        default=_DEFAULT.pods,
        ge=0,
        description="Pods of one deployment in all: prefill and decode at their largest, and routers.",
    )
    max_nodes: int = Field(
        default=_DEFAULT.nodes,
        ge=0,
        description="Nodes that one deployment may ask for by number (KAITO, multi-node workers).",
    )
    max_gpus: int = Field(
        default=_DEFAULT.gpus,
        ge=0,
        description="GPUs and other devices of one deployment in all: twice what one worker may have.",
    )
    max_cpu: str = Field(default=_DEFAULT.cpu, description="CPUs of one deployment in all: a quantity.")
    max_memory: str = Field(
        default=_DEFAULT.memory, description="Memory of one deployment in all: 32 workers of 1 TiB."
    )
    max_storage: str = Field(
        default=_DEFAULT.storage, description="Claims that are made for one deployment, all together."
    )
    max_ephemeral_storage: str = Field(
        default=_DEFAULT.ephemeral_storage,
        description="Space on the disks of nodes (`ephemeral-storage`, sizes of `emptyDir`) that one "
        "deployment may ask for in all: 80 pods of 200 GiB.",
    )
    max_services: int = Field(
        default=_DEFAULT.services, ge=0, description="Services of one deployment, its operator's counted in."
    )
    service_types: list[str] = Field(
        default=list(_DEFAULT.service_types),
        description="Types of Services that a deployment may have, as JSON: none that is open to outside.",
    )

    @field_validator("overrides", mode="before")
    @classmethod
    def _mode_in_any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("overrides_allowed")
    @classmethod
    def _paths(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for paths in value.values():
            for text in paths:
                pattern(text)
        return value

    @field_validator("max_cpu", "max_memory", "max_storage", "max_ephemeral_storage")
    @classmethod
    def _quantity(cls, value: str) -> str:
        try:
            parse(value)
        except InvalidQuantity:
            raise ValueError("must be a resource quantity, such as 64 or 512Gi") from None
        return value

    @property
    def overrides_policy(self) -> OverridesPolicy:
        """The settings as one value."""
        return OverridesPolicy(
            mode=self.overrides,
            allowed=self.overrides_allowed,
            ceilings=Ceilings(
                replicas=self.max_replicas,
                pods=self.max_pods,
                nodes=self.max_nodes,
                gpus=self.max_gpus,
                cpu=self.max_cpu,
                memory=self.max_memory,
                storage=self.max_storage,
                ephemeral_storage=self.max_ephemeral_storage,
                services=self.max_services,
                service_types=tuple(self.service_types),
            ),
        )
