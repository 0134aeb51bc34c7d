"""Settings of how deployments are published behind a Gateway. Source: gateway.md §14."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from airunway.clients.model_names import SERVICE_URL
from airunway.gateway.versions import DEFAULT_IMAGE

if TYPE_CHECKING:  # a hundred modules, which a command that reads its settings does not need
    from airunway.activities.gateway.facts import GatewayOptions


class GatewaySettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    gateway_name: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="Gateway that deployments are published behind, with the next setting. Empty: the only "
        'one of the cluster, or the one with the label `airunway.ai/inference-gateway: "true"`; see '
        "[publishing.md](publishing.md).",
    )
    gateway_namespace: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$",
        description="Its namespace; both or neither.",
    )
    gateway_picker_image: str = Field(
        default=DEFAULT_IMAGE,
        description="Image of the endpoint picker, where a provider names none of its own.",
    )
    gateway_opens_listeners: bool = Field(
        default=True,
        description="Whether the listeners of the chosen Gateway are opened for the namespaces of "
        "deployments, and closed again. `false`: an administrator does that.",
    )
    gateway_request_timeout: str = Field(
        default="300s",
        pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$",
        description="How long a request may take behind the Gateway, as Gateway API writes it; `0s`: "
        "no limit.",
    )

    service_url: str = Field(
        default=SERVICE_URL,
        description="Where a worker asks a model server for its model's name, by `{service}`, `{namespace}` "
        "and `{port}`. Outside of the cluster, beside `kubectl proxy`: "
        "`http://127.0.0.1:8001/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy`.",
    )

    @field_validator("service_url")
    @classmethod
    def _with_its_places(cls, value: str) -> str:
        names = [name for _, name, *_ in Formatter().parse(value) if name is not None]
        if sorted(names) != ["namespace", "port", "service"] or not value.startswith(("http://", "https://")):
            raise ValueError("AIRUNWAY_SERVICE_URL: an http address with {service}, {namespace} and {port}")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if bool(self.gateway_name) != bool(self.gateway_namespace):
            raise ValueError("AIRUNWAY_GATEWAY_NAME and AIRUNWAY_GATEWAY_NAMESPACE: both or neither")
        return self

    @property
    def configured_gateway(self) -> str:
        """Namespace and name of the Gateway that is named here; empty: none is."""
        return f"{self.gateway_namespace}/{self.gateway_name}" if self.gateway_name else ""

    def gateway_options(self, *, impersonate: str) -> GatewayOptions:
        """The settings as one value. `impersonate`: in whose name objects are written."""
        from airunway.activities.gateway.facts import GatewayOptions
        from airunway.gateway.choice import WantedGateway

        configured = None
        if self.gateway_name:
            configured = WantedGateway(namespace=self.gateway_namespace, name=self.gateway_name)
        return GatewayOptions(
            configured=configured,
            picker_image=self.gateway_picker_image,
            opens=self.gateway_opens_listeners,
            request_timeout=self.gateway_request_timeout,
            service_url=self.service_url,
            impersonate=impersonate,
        )
