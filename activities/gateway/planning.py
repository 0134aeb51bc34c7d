"""What publishes one deployment, from what was found: objects, or why there are none. Pure.

A finding that blocks leaves everything as it is: what serves goes on serving while a person reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airunway.activities.gateway.facts import GatewayFacts, GatewayOptions
from airunway.activities.upstream.ownership import is_owned_by
from airunway.api.gateway_reasons import (
    NAME_INVALID,
    NAME_TAKEN,
    PATCH_FAILED,
    PICKER_FAILED,
    POOL_NOT_ALLOWED,
    POOL_NOT_FOUND,
    ROUTE_NOT_FOUND,
    GatewayFinding,
)
from airunway.clients.kubernetes import Object
from airunway.gateway.kinds import DESTINATION_RULE, REFERENCE_GRANT
from airunway.gateway.listeners import ListenerChange, to_open
from airunway.gateway.model_names import is_attached, named, rivals, routed_name
from airunway.gateway.naming import grant_name, model_name_problem, name_problem, picker_name
from airunway.gateway.objects import (
    destination_rule,
    granted_namespaces,
    leads_to,
    permits,
    picker_of,
    pool,
    pools_rule,
    reference_grant,
    route,
)
from airunway.gateway.picker import picker_objects
from airunway.gateway.ports import pod_selector, target_port

NAMED_AT_MOST = 5
"""Deployments that a message names of those who want the same model name."""


@dataclass(kw_only=True)
class GatewayPlan:
    """What is wanted. `blocked`: nothing is written, for this reason; `finding`: said beside what is."""

    wanted: list[Object] = field(default_factory=list)
    blocked: GatewayFinding | None = None
    finding: GatewayFinding | None = None
    also_wanted_by: list[str] = field(default_factory=list)
    """Deployments that want the same model name, and wait."""
    listeners: ListenerChange = field(default_factory=ListenerChange)
    grant: Object | None = None
    pools_rule: Object | None = None
    """Beside the grant: how Istio speaks to the picker of a pool in another namespace."""
    keeps_route: bool = False
    """The live route stays as it is for now: what it would lead to is not ready, and what it leads to is."""


def plan_gateway(facts: GatewayFacts, options: GatewayOptions) -> GatewayPlan:
    """The objects in the order in which they are written, and what has to be permitted for them."""
    plan = GatewayPlan()
    if _leads_nowhere(facts):
        plan.finding, plan.keeps_route = facts.choice.finding, True
        plan.wanted += _own_pool(facts, options)
        return plan
    plan.blocked = facts.choice.finding or _pool_problem(facts) or _name_problem(facts)
    if plan.blocked is not None or facts.choice.gateway is None:
        return plan
    if options.opens and not facts.choice.by_user:
        plan.listeners = to_open(facts.choice.gateway, facts.deployment.namespace, labels=facts.labels)
        if plan.listeners.refusal:
            plan.blocked = GatewayFinding(reason=PATCH_FAILED, message=plan.listeners.refusal)
            return plan
    if facts.is_own_pool:
        plan.wanted += _own_pool(facts, options)
    plan.grant = _grant(facts)
    plan.pools_rule = _pools_rule(facts)
    plan.wanted += _rule(facts)
    if facts.user_route_name:
        missing = facts.user_route is None
        plan.keeps_route = missing
        place = f"{facts.deployment.namespace}/{facts.user_route_name}"
        words = f"spec.gateway.httpRouteRef: HTTPRoute {place} is not there; make it"
        plan.finding = GatewayFinding(reason=ROUTE_NOT_FOUND, message=words) if missing else None
    else:
        _plan_route(plan, facts, options)
    return plan


def _leads_nowhere(facts: GatewayFacts) -> bool:
    """Whether there is no Gateway, and the route, which stays, leads to a pool of ours that went."""
    if facts.choice.gateway is not None or facts.own_route is None or not facts.is_own_pool:
        return False
    is_own = is_owned_by(facts.own_route, facts.deployment.metadata.uid)
    return is_own and facts.pool is None and leads_to(facts.own_route, facts.place)


def _pool_problem(facts: GatewayFacts) -> GatewayFinding | None:
    if facts.choice.gateway is None:
        return None
    if facts.is_own_pool:
        words = name_problem(facts.deployment.name)
        return GatewayFinding(reason=PICKER_FAILED, message=words) if words else None
    by_user = facts.is_pool_of_user
    if facts.pool is None:
        words = f"InferencePool {facts.place} is not there"
        how = (
            f"spec.gateway.poolRef: {words}" if by_user else f"{words} yet; the provider's operator makes it"
        )
        return GatewayFinding(reason=POOL_NOT_FOUND, message=how)
    if by_user and not _is_permitted(facts):
        words = (
            f"spec.gateway.poolRef: no ReferenceGrant in namespace {facts.place.namespace} lets HTTPRoutes of"
            f" namespace {facts.deployment.namespace} use InferencePool {facts.place.name}; its owner can"
            " make one"
        )
        return GatewayFinding(reason=POOL_NOT_ALLOWED, message=words)
    return None


def _name_problem(facts: GatewayFacts) -> GatewayFinding | None:
    words = model_name_problem(facts.model_name) if facts.choice.gateway is not None else ""
    if not words:
        return None
    message = f"the model name {facts.model_name[:80]!r} cannot be routed by: {words}"
    return GatewayFinding(reason=NAME_INVALID, message=message)


def _is_permitted(facts: GatewayFacts) -> bool:
    own, place = facts.deployment.namespace, facts.place
    return place.namespace == own or any(
        permits(grant, namespace=own, pool_name=place.name) for grant in facts.grants
    )


def _own_pool(facts: GatewayFacts, options: GatewayOptions) -> list[Object]:
    status = facts.deployment.status
    reported = status.endpoint.port if status and status.endpoint else None
    port = target_port(facts.service, facts.pods, reported=reported)
    made = pool(facts.deployment, facts.served, selector=pod_selector(facts.service), port=port)
    image = facts.roles.picker_image or options.picker_image
    return [made, *picker_objects(facts.deployment, image=image, config=facts.roles.picker_config)]


def _grant(facts: GatewayFacts) -> Object | None:
    """For the pool of a provider in another namespace; a user's is for its owner to permit."""
    kind = facts.served.get(REFERENCE_GRANT)
    if kind is None or facts.pool is None or _is_permitted(facts):
        return None
    live = next(
        (one for one in facts.grants if one["metadata"]["name"] == grant_name(facts.place.name)), None
    )
    namespaces = {*granted_namespaces(live), facts.deployment.namespace}
    return reference_grant(kind, facts.pool, namespaces=namespaces)


def _rule(facts: GatewayFacts) -> list[Object]:
    kind = facts.served.get(DESTINATION_RULE)
    if kind is None or facts.place.namespace != facts.deployment.namespace:
        return []
    service = picker_name(facts.deployment.name)
    if not facts.is_own_pool:
        service = picker_of(facts.pool or {})
    return [destination_rule(facts.deployment, kind, picker_service=service)] if service else []


def _pools_rule(facts: GatewayFacts) -> Object | None:
    """For the picker of a provider's pool in another namespace, unless there is one as it should be.

    One that somebody else made is his; the pool of a user is for its owner to care for.
    """
    kind, place = facts.served.get(DESTINATION_RULE), facts.place
    is_providers = facts.roles.provider_pool == place and place.namespace != facts.deployment.namespace
    if kind is None or facts.pool is None or not is_providers:
        return None
    rule, live = pools_rule(kind, facts.pool), facts.pools_rule
    if rule is None or live is None:
        return rule
    is_ours = is_owned_by(live, facts.pool["metadata"]["uid"])
    return rule if is_ours and rule["spec"] != {key: live["spec"].get(key) for key in rule["spec"]} else None


def _plan_route(plan: GatewayPlan, facts: GatewayFacts, options: GatewayOptions) -> None:
    gateway, deployment, wanted = facts.choice.place, facts.deployment, facts.model_name
    uid = deployment.metadata.uid
    first, others = rivals(
        facts.rivals, uid=uid, gateway=gateway, model_name=wanted, holders=facts.name_holders
    )
    plan.also_wanted_by = [named(one) for one in others if one is not first]
    served, waits = wanted, False
    if first is not None:
        before = routed_name(facts.own_route or {})
        serves_another = facts.own_route is not None and before != wanted
        waits = not (serves_another and is_attached(facts.own_route or {}, gateway))
        served = before if serves_another and not waits else wanted
        now = f"; it goes on as {served!r}" if not waits else ""
        words = (
            f"model name {wanted!r} is that of deployment {named(first)} on Gateway {'/'.join(gateway)},"
            f" which was there first{now}; give one of the two another name (spec.gateway.modelName)"
        )
        plan.finding = GatewayFinding(reason=NAME_TAKEN, message=words)
    plan.keeps_route = facts.old_backend is not None and not _leads_somewhere(facts)
    plan.wanted.append(
        route(
            deployment,
            facts.served,
            gateway=gateway,
            section=facts.choice.section,
            model_name=served,
            wanted_name=wanted,
            backend=facts.place,
            timeout=options.request_timeout,
            waits=waits,
        )
    )


def _leads_somewhere(facts: GatewayFacts) -> bool:
    """Whether the wanted pool can take over: it is there, and pods of its are too."""
    return facts.pool is not None and bool(facts.pods) and facts.picker_is_ready


def conflicts(plan: GatewayPlan) -> str:
    """That others wait for the same name, in words; empty when none does.

    A few by name: as many as anybody likes may want it, and a condition's message is limited.
    """
    waiting = sorted(plan.also_wanted_by)
    more = f" and {len(waiting) - NAMED_AT_MOST} more" if len(waiting) > NAMED_AT_MOST else ""
    return f"; also wanted by {', '.join(waiting[:NAMED_AT_MOST])}{more}" if waiting else ""
