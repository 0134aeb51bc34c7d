"""The fakes of the gateway's steps: a cluster that may serve Gateway API, and one route."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from airunway.api.conditions import condition
from airunway.api.gateway_reasons import CONFIGURED, GATEWAY_READY, ROUTE_PENDING
from airunway.api.status import GatewayStatus
from airunway.messages.deployment import AppliedObject
from airunway.messages.gateway import (
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    GatewayReading,
    GatewayRequest,
    RemoveGatewayAnswer,
    RemoveGatewayRequest,
)
from airunway.messages.upstream import PlannedWrite, WriteAction
from tests.workflows.provider_fakes import ProviderFakes

API_VERSION = "gateway.networking.k8s.io/v1"


@dataclass
class GatewayFakes(ProviderFakes):
    """What the cluster has of the gateway, as the fakes see it."""

    gateway_served: bool | None = False
    gateway_enabled: bool | None = None
    route_there: bool = False
    route_accepted: bool = False
    gateway_refused: bool = False
    """Each write is refused."""
    route_repairs: int = 0
    gateway_recheck_seconds: int = 0
    gateway_requests: list[GatewayRequest] = field(default_factory=list)

    @activity.defn(name="read_gateway")
    async def read_gateway(self, request: GatewayRequest) -> GatewayReading:
        await self._called("read_gateway")
        self.gateway_requests.append(request)
        self._notify()
        if not self.gateway_served:
            return GatewayReading(missing_kinds="InferencePool")
        if not self.route_there:
            planned = PlannedWrite(
                action=WriteAction.CREATE, api_version=API_VERSION, kind="HTTPRoute", name=self.ref.name
            )
            return GatewayReading(planned=[planned])
        return GatewayReading(**self._as_it_is(), recheck_seconds=self.gateway_recheck_seconds)

    @activity.defn(name="apply_gateway")
    async def apply_gateway(self, request: ApplyGatewayRequest) -> ApplyGatewayAnswer:
        await self._called("apply_gateway")
        self._notify()
        if self.gateway_refused:
            said = condition(GATEWAY_READY, "False", "HTTPRouteFailed", "a webhook says no")
            return ApplyGatewayAnswer(condition=said, refused=True)
        self.route_there = True
        self.route_repairs += bool(request.read_from.applied)
        return ApplyGatewayAnswer(**self._as_it_is())

    @activity.defn(name="remove_gateway")
    async def remove_gateway(self, request: RemoveGatewayRequest) -> RemoveGatewayAnswer:
        await self._called("remove_gateway")
        was_there, self.route_there = self.route_there, False
        self._notify()
        return RemoveGatewayAnswer(deleted=[f"HTTPRoute {self.ref.name}"] if was_there else [])

    def _as_it_is(self) -> dict[str, Any]:
        route = AppliedObject(
            api_version=API_VERSION,
            kind="HTTPRoute",
            plural="httproutes",
            name=self.ref.name,
            action="created",
        )
        said = condition(GATEWAY_READY, "True", CONFIGURED, "model name 'm' on Gateway edge/gw")
        if not self.route_accepted:
            said = condition(GATEWAY_READY, "False", ROUTE_PENDING, "nothing is said yet")
        status = GatewayStatus(endpoint="10.1.2.3", model_name="m", gateway_namespace="edge")
        return {"objects": [route], "condition": said, "status": status}

    def gateway_activities(self) -> list[Any]:
        return [self.read_gateway, self.apply_gateway, self.remove_gateway]
