"""How a planned deployment would be published behind a Gateway. Pure.

The same functions as the worker's make the objects. What only a running server or the cluster knows (the
name that the server gives its model, labels of its Service) is foreseen as the contract's defaults have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.gateway.capabilities import GatewayRoles, PoolPlace, roles_of
from airunway.gateway.choice import GatewayChoice, WantedGateway, choose_gateway
from airunway.gateway.kinds import ALL_KNOWN, DESTINATION_RULE, ServedKinds
from airunway.gateway.model_names import given_model_name
from airunway.gateway.naming import name_problem, picker_name
from airunway.gateway.objects import destination_rule, pool, route
from airunway.gateway.picker import picker_objects
from airunway.gateway.ports import DEFAULT_PORT

ANY_GATEWAY = ("default", "inference-gateway")
"""Stands for the cluster's Gateway, where no cluster is asked: the one of AI Runway's set-up."""


class GatewayWorld(BaseModel):
    """What a plan knows of the gateway. `served` None: no cluster is asked."""

    model_config = {"arbitrary_types_allowed": True}

    served: ServedKinds | None = None
    gateways: list[dict[str, Any]] = Field(default_factory=list)
    configured: WantedGateway | None = None
    picker_image: str = ""
    request_timeout: str = "300s"


class PlannedPublication(BaseModel):
    """What would be made once the deployment runs; or in `note` why nothing would."""

    note: str = ""
    gateway: str = ""
    """Namespace and name; empty: whichever the cluster has."""
    model_name: str = Field(default="", serialization_alias="modelName")
    objects: list[dict[str, Any]] = Field(default_factory=list)


def plan_publication(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], world: GatewayWorld
) -> PlannedPublication:
    """For a deployment whose engine and provider are chosen."""
    given = deployment.spec.gateway
    if given is not None and given.enabled is False:
        return PlannedPublication(note="not published: spec.gateway.enabled is false")
    if world.served is not None and not world.served.complete:
        return PlannedPublication(note=f"not published: the cluster does not serve {world.served.missing}")
    choice = _choice(deployment, world)
    if choice.finding is not None:
        return PlannedPublication(note=f"not published: {choice.finding.message}")
    config = next((one for one in configs if one.name == deployment.recorded_provider), None)
    roles = roles_of(
        config, engine=deployment.engine_type, namespace=deployment.namespace, name=deployment.name
    )
    own = PoolPlace(namespace=deployment.namespace, name=deployment.name)
    named = given.pool_ref if given is not None else None
    place = roles.provider_pool or own
    if named is not None:
        place = PoolPlace(namespace=named.namespace or deployment.namespace, name=named.name)
    is_own = named is None and roles.provider_pool is None
    if is_own and (problem := name_problem(deployment.name)):
        return PlannedPublication(note=f"not published: {problem}")
    return _publication(deployment, roles, choice, world, place, is_own=is_own)


def _choice(deployment: ModelDeployment, world: GatewayWorld) -> GatewayChoice:
    if world.served is None:
        return GatewayChoice()
    ref = deployment.spec.gateway.gateway_ref if deployment.spec.gateway else None
    asked = None
    if ref is not None:
        asked = WantedGateway(
            namespace=ref.namespace or deployment.namespace, name=ref.name, section=ref.section_name or ""
        )
    return choose_gateway(
        world.gateways,
        configured=world.configured,
        asked=asked,
        namespace=deployment.namespace,
        labels={},
    )


def _publication(
    deployment: ModelDeployment,
    roles: GatewayRoles,
    choice: GatewayChoice,
    world: GatewayWorld,
    place: PoolPlace,
    *,
    is_own: bool,
) -> PlannedPublication:
    served = world.served or ALL_KNOWN
    gateway = choice.place if choice.gateway is not None else ANY_GATEWAY
    name = given_model_name(deployment, ignores_served_name=roles.ignores_served_name)
    name = name or deployment.spec.model.id or ""
    objects: list[dict[str, Any]] = []
    if is_own:
        image = roles.picker_image or world.picker_image
        objects.append(pool(deployment, served, selector={}, port=DEFAULT_PORT))
        objects += picker_objects(deployment, image=image, config=roles.picker_config)
        if rule := served.get(DESTINATION_RULE):
            service = picker_name(deployment.name)
            objects.append(destination_rule(deployment, rule, picker_service=service))
    if not (deployment.spec.gateway and deployment.spec.gateway.http_route_ref):
        made = route(
            deployment,
            served,
            gateway=gateway,
            section=choice.section,
            model_name=name,
            wanted_name=name,
            backend=place,
            timeout=world.request_timeout,
        )
        objects.append(made)
    return PlannedPublication(
        gateway="/".join(gateway) if choice.gateway is not None else "", model_name=name, objects=objects
    )


def in_words(entry: Mapping[str, Any]) -> str:
    """An object in a line."""
    meta = entry["metadata"]
    return f"{entry['kind']} {meta.get('namespace', '')}/{meta['name']} ({entry['apiVersion']})"
