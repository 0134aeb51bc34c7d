"""Settings of clusters that tenants share: in whose name objects are written, and who may call a model."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings

from airunway.provider.model_access import AccessRule, ModelAccess

NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class TenantSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    impersonate: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="Name of a ServiceAccount: the objects of a deployment are written in the name of the "
        "account of that name in its namespace. Empty: by the worker itself; see "
        "[security.md](security.md#in-whose-name-objects-are-written).",
    )
    model_access: ModelAccess = Field(
        default=ModelAccess.EVERYBODY,
        description="Who may call a model, by a NetworkPolicy for each deployment: `everybody` (none), "
        "`namespace` (pods of the deployment's own), `gateway` (the namespaces of the next setting); see "
        "[security.md](security.md#who-may-call-a-model).",
    )
    gateway_namespaces: list[NamespaceName] = Field(
        default_factory=list,
        description="Namespaces of gateways, as JSON: their pods may call models when access is limited.",
    )

    @model_validator(mode="after")
    def _gateways_are_known(self) -> Self:
        if self.model_access is ModelAccess.GATEWAY and not self.gateway_namespaces:
            raise ValueError("AIRUNWAY_MODEL_ACCESS=gateway needs AIRUNWAY_GATEWAY_NAMESPACES")
        return self

    @property
    def access_rule(self) -> AccessRule:
        """Who may call a model."""
        return AccessRule(access=self.model_access, gateways=tuple(self.gateway_namespaces))
