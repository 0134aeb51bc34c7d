"""Find out how a deployment is published, and object by object what has to be written. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airunway.activities.deployment.reading import parsed
from airunway.activities.gateway.facts import GatewayFacts, GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.leaving import as_upstream, listeners_to_close, own_places
from airunway.activities.gateway.permissions import grant_place, grants_used, unneeded_grants
from airunway.activities.gateway.planning import GatewayPlan, conflicts, plan_gateway
from airunway.activities.upstream.inspection import Inspection, inspect
from airunway.activities.upstream.ownership import digest_of, is_owned_by
from airunway.activities.upstream.write_plan import (
    Method,
    ObjectDelete,
    WritePlan,
    applied,
    in_words,
    plan_writes,
)
from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.gateway_reasons import (
    CONFIGURED,
    GATEWAY_READY,
    PICKER_FAILED,
    POOL_FAILED,
    ROUTE_FAILED,
    RULE_FAILED,
    GatewayFinding,
)
from airunway.api.status import ApiFormat, GatewayStatus
from airunway.clients.kubernetes import Cluster, Object
from airunway.gateway.kinds import GATEWAY, PICKER_KINDS, REFERENCE_GRANT, ServedKinds
from airunway.gateway.listeners import ListenerChange
from airunway.gateway.model_names import routed_name
from airunway.gateway.naming import FIELD_MANAGER
from airunway.gateway.truth import PublishedObjects, address_of, missing_link, url_of
from airunway.messages.deployment import AppliedObject
from airunway.messages.gateway import GatewayReading, GatewayRequest
from airunway.messages.upstream import PlannedWrite, WriteAction
from airunway.provider import UpstreamKind

_FAILED = {"InferencePool": POOL_FAILED, "HTTPRoute": ROUTE_FAILED, "DestinationRule": RULE_FAILED}


RECHECK_SECONDS = 300
"""Pods of a pool that a user brings, and of its picker, may be anywhere: no watch brings their changes."""


def failed_reason(kind: str) -> str:
    """The reason of a write that failed, by the kind that was written."""
    return _FAILED.get(kind, PICKER_FAILED)


def _never(_live: Mapping[str, Any], _desired: Mapping[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class GatewayMaker:
    """Writes the gateway's objects as a provider writes its own."""

    kinds: Sequence[UpstreamKind]
    field_manager: str = FIELD_MANAGER
    replacement_reason: Callable[[Mapping[str, Any], Mapping[str, Any]], str | None] = _never


def maker_of(served: ServedKinds) -> GatewayMaker:
    """For the kinds that are served."""
    return GatewayMaker(kinds=[as_upstream(kind) for kind in (*served.kinds.values(), *PICKER_KINDS)])


@dataclass(kw_only=True)
class GatewayRendering:
    """One reading: what there is, what is wanted, and what is to be done for it."""

    request: GatewayRequest
    owner: Object
    facts: GatewayFacts
    plan: GatewayPlan
    maker: GatewayMaker
    inspection: Inspection = field(default_factory=lambda: Inspection(targets=[]))
    writes: WritePlan = field(default_factory=WritePlan)
    closings: Sequence[tuple[Object, ListenerChange]] = ()
    """Gateways whose listeners are not needed by anybody in the namespace any more."""
    revocations: Sequence[Object] = ()
    """Grants for routes of the namespace that none of them needs any more."""

    @property
    def planned(self) -> list[PlannedWrite]:
        """In the order in which it is done."""
        if self.plan.blocked is not None or self.writes.conflict:
            return []
        found = [_gateway_write(self.facts, self.plan)] if self.plan.listeners.patch else []
        abroad = (self.plan.grant, self.plan.pools_rule)
        found += [_write_abroad(one) for one in abroad if one is not None]
        found += in_words(self.writes)
        found += [_revoked_write(grant, self.request.ref.namespace) for grant in self.revocations]
        return found + [
            PlannedWrite(
                action=WriteAction.APPLY,
                api_version=self.facts.served[GATEWAY].api_version,
                kind=GATEWAY,
                name=f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}",
                why=f"closed for {self.request.ref.namespace}, which nobody needs any more",
                changed=["spec.listeners"],
            )
            for gateway, _ in self.closings
        ]

    def objects(self) -> list[AppliedObject]:
        """As they are, when nothing has to be written."""
        return [
            applied(
                write,
                write.target.live,
                field_manager=FIELD_MANAGER,
                generation=self.request.generation,
            )
            for write in self.writes.writes
            if write.method is Method.KEEP and write.target.live is not None
        ]

    def condition(self, live: Sequence[Object]) -> Condition:
        """`GatewayReady`, from the objects as they are."""
        finding = self.plan.blocked or self._conflict() or self.plan.finding or self._missing(live)
        if finding is not None:
            return condition(GATEWAY_READY, "False", finding.reason, finding.message)
        namespace, name = self.facts.choice.place
        words = f"model name {self.model_name(live)!r} on Gateway {namespace}/{name}{conflicts(self.plan)}"
        return condition(GATEWAY_READY, "True", CONFIGURED, words)

    def _conflict(self) -> GatewayFinding | None:
        if not self.writes.conflict:
            return None
        kind = self.writes.conflict.partition(" ")[0]
        return GatewayFinding(reason=failed_reason(kind), message=self.writes.conflict)

    def _missing(self, live: Sequence[Object]) -> GatewayFinding | None:
        facts, gateway = self.facts, self.facts.choice.gateway
        if gateway is None:
            return None
        route = facts.user_route if facts.user_route_name else self._route(live)
        name = facts.user_route_name or facts.deployment.name
        return missing_link(
            PublishedObjects(
                gateway=gateway,
                section=facts.choice.section,
                route=route,
                route_name=f"{facts.deployment.namespace}/{name}",
                pool=facts.pool or _of_kind(live, "InferencePool"),
                picker=_of_kind(live, "Deployment"),
                picker_wanted=facts.is_own_pool,
                picker_service=facts.picker_service,
                picker_pods=facts.picker_pods,
                pods=facts.pods,
            )
        )

    def _route(self, live: Sequence[Object]) -> Object | None:
        return _of_kind(live, "HTTPRoute") or self.facts.own_route

    def model_name(self, live: Sequence[Object]) -> str:
        """What clients have to say: what the route matches, once there is one.

        Of a route that was not compared with what is wanted, it is what was found before: it decides who has
        the name, and whoever may edit the route would.
        """
        facts = self.facts
        route = facts.user_route if facts.user_route_name else _of_kind(live, "HTTPRoute")
        if route is None and not facts.user_route_name:
            status = facts.deployment.status
            before = (status.gateway.model_name or "") if status and status.gateway else ""
            return before or routed_name(facts.own_route or {}) or facts.model_name
        return routed_name(route or {}) or facts.model_name

    def status(self, live: Sequence[Object]) -> GatewayStatus | None:
        """`status.gateway`; None while nothing is published, and so nothing is to be said anew."""
        gateway = self.facts.choice.gateway
        route = self.facts.user_route if self.facts.user_route_name else self._route(live)
        if gateway is None or route is None:
            return None
        return GatewayStatus(
            endpoint=address_of(gateway) or None,
            model_name=self.model_name(live),
            gateway_namespace=gateway["metadata"]["namespace"],
            url=url_of(gateway, self.facts.choice.section) or None,
            api_formats=list(self.facts.api_formats) or [ApiFormat.OPENAI_CHAT],
        )

    def live(self) -> list[Object]:
        """The objects that are there."""
        return [target.live for target in self.inspection.targets if target.live is not None]

    def answer(self) -> GatewayReading:
        """What the workflow is told."""
        live, planned = self.live(), self.planned
        return GatewayReading(
            planned=planned,
            objects=[] if planned else self.objects(),
            condition=None if planned else self.condition(live),
            status=None if planned else self.status(live),
            probed=self.facts.probed,
            granted=sorted(self.grants_used),
            recheck_seconds=RECHECK_SECONDS if self.facts.is_pool_of_user else 0,
        )

    @property
    def grants_used(self) -> set[str]:
        """Namespace and name of the grants that it needs or needed: of its pool, of its route as it is."""
        facts, used = self.facts, grants_used(self.facts.own_route or {})
        if not facts.is_own_pool and facts.place.namespace != facts.deployment.namespace:
            used.add(grant_place(facts.place.namespace, facts.place.name))
        return used


async def render_gateway(
    cluster: Cluster,
    request: GatewayRequest,
    owner: Object,
    *,
    reader: GatewayFactsReader,
    served: ServedKinds,
    options: GatewayOptions,
) -> GatewayRendering:
    """All of it for one deployment. Raises ApiError."""
    deployment = parsed(owner)
    facts = await reader.read(deployment, request, served)
    maker = maker_of(served)
    plan = plan_gateway(facts, options)
    found = GatewayRendering(request=request, owner=owner, facts=facts, plan=plan, maker=maker)
    wanted = [obj for obj in plan.wanted if not (plan.keeps_route and obj["kind"] == "HTTPRoute")]
    found.inspection = await inspect(cluster, maker, _without_stale(request, wanted), wanted)
    if plan.blocked is not None:
        return found
    found.writes = plan_writes(found.inspection, maker, request)
    if facts.choice.gateway is None:
        return found  # nobody is admitted anywhere, and so nothing is closed
    if not plan.keeps_route and not found.writes.conflict:
        deletes = await _not_wanted(cluster, found)
        found.writes = WritePlan(writes=found.writes.writes, deletes=deletes)
        place = facts.place
        if {*request.granted, *found.grants_used} - {grant_place(place.namespace, place.name)}:
            keeps = (place.namespace, place.name)
            found.revocations = await unneeded_grants(cluster, request.ref, served, keeps=keeps)
    found.closings = await listeners_to_close(cluster, facts.gateways, owner, besides=facts.choice.place)
    return found


async def _not_wanted(cluster: Cluster, found: GatewayRendering) -> list[ObjectDelete]:
    """What an earlier way of publishing left: looked for by the names that there can be, not by memory."""
    wanted = {(target.kind.kind, target.name) for target in found.inspection.targets}
    request, deletes = found.request, []
    for kind, name in own_places(request.ref.name, found.facts.served, request.applied):
        if (kind.kind, name) in wanted:
            continue
        live = await cluster.find(kind, name, namespace=request.ref.namespace)
        if live is not None and is_owned_by(live, request.uid):
            deletes.append(ObjectDelete(kind=kind, live=live, why="not wanted any more"))
    return deletes


def _without_stale(request: GatewayRequest, wanted: Sequence[Object]) -> GatewayRequest:
    names = {(obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) for obj in wanted}
    kept = [one for one in request.applied if (one.api_version, one.kind, one.name) in names]
    return request.model_copy(update={"applied": kept})


def _of_kind(live: Sequence[Object], kind: str) -> Object | None:
    return next((obj for obj in live if obj.get("kind") == kind), None)


def _gateway_write(facts: GatewayFacts, plan: GatewayPlan) -> PlannedWrite:
    namespace, name = facts.choice.place
    return PlannedWrite(
        action=WriteAction.APPLY,
        api_version=facts.served[GATEWAY].api_version,
        kind=GATEWAY,
        name=f"{namespace}/{name}",
        digest=digest_of({"patch": list(plan.listeners.patch)}),
        changed=["spec.listeners"],
        why=f"opened for routes of {facts.deployment.namespace}",
    )


def _write_abroad(obj: Object) -> PlannedWrite:
    """Of what is beside a pool in another namespace."""
    meta = obj["metadata"]
    return PlannedWrite(
        action=WriteAction.APPLY,
        api_version=obj["apiVersion"],
        kind=obj["kind"],
        name=f"{meta['namespace']}/{meta['name']}",
        digest=digest_of(obj),
        changed=["spec.from" if obj["kind"] == REFERENCE_GRANT else "spec"],
    )


def _revoked_write(grant: Object, namespace: str) -> PlannedWrite:
    meta = grant["metadata"]
    return PlannedWrite(
        action=WriteAction.APPLY,
        api_version=grant["apiVersion"],
        kind=REFERENCE_GRANT,
        name=f"{meta['namespace']}/{meta['name']}",
        why=f"nobody in {namespace} needs it any more",
        changed=["spec.from"],
    )
