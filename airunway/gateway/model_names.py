"""The model name that requests are routed by, and who has it. Pure. Source: gateway.md §9.1.

Two deployments of one name on one Gateway: the one that was served first stays, the other's route waits
without a parent, and both say so. A route bears a label for the name that it wants, by which they find each
other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airunway.api.gateway_reasons import GATEWAY_READY, NAME_TAKEN
from airunway.api.model_deployment import ModelDeployment
from airunway.api.names import DEPLOYMENT_KIND
from airunway.gateway.naming import MODEL_HEADER

Obj = Mapping[str, Any]


def given_model_name(deployment: ModelDeployment, *, ignores_served_name: bool) -> str:
    """The name that the spec gives; empty: the server is to be asked."""
    spec = deployment.spec
    given = (spec.gateway.model_name or "") if spec.gateway else ""
    served = "" if ignores_served_name else spec.model.served_name or ""
    return given or served


def routed_name(route: Obj) -> str:
    """The model name that a route matches; empty when it matches none."""
    for rule in (route.get("spec") or {}).get("rules") or []:
        for match in rule.get("matches") or []:
            for header in match.get("headers") or []:
                if str(header.get("name", "")).lower() == MODEL_HEADER.lower():
                    return str(header.get("value") or "")
    return ""


def is_attached(route: Obj, gateway: tuple[str, str]) -> bool:
    """Whether a route has a Gateway (namespace, name) for its parent."""
    own = route["metadata"]["namespace"]
    parents = (route.get("spec") or {}).get("parentRefs") or []
    return any((entry.get("namespace", own), entry.get("name")) == gateway for entry in parents)


def rivals(
    routes: Sequence[Obj],
    *,
    uid: str,
    gateway: tuple[str, str],
    model_name: str,
    holders: Collection[str],
) -> tuple[Obj | None, list[Obj]]:
    """Who has the name before the deployment of a uid, None: it may have it; and all others who want it.

    `routes`: those with the label of that name. Whoever serves it already has it before one that only wants
    it; among equals it is the oldest route, as Gateway API itself has it. `holders`: uids of the deployments
    whose status says that they have the name. A route alone proves nothing: it is its tenant's to edit.
    """
    owned = [route for route in routes if owner_uid(route)]
    mine = next((route for route in owned if owner_uid(route) == uid), None)
    others = sorted((route for route in owned if owner_uid(route) != uid), key=_age)

    def serves(route: Obj | None) -> bool:
        if route is None or owner_uid(route) not in holders:
            return False
        return is_attached(route, gateway) and routed_name(route) == model_name

    is_served_here = serves(mine)
    ahead = [
        other
        for other in others
        if serves(other) and not (is_served_here and mine is not None and _age(mine) < _age(other))
    ]
    if not ahead and not is_served_here:
        ahead = [other for other in others if mine is None or _age(other) < _age(mine)]
    return (ahead[0] if ahead else None), others


def wants(deployment: Obj, route: Obj, model_name: str) -> bool:
    """Whether a ModelDeployment is the one that a route is of, and can want a model name."""
    meta, spec = deployment["metadata"], deployment.get("spec") or {}
    if meta.get("deletionTimestamp") or (meta["uid"], meta["name"]) != (
        owner_uid(route),
        route["metadata"]["name"],
    ):
        return False
    gateway = spec.get("gateway") or {}
    given = gateway.get("modelName")
    return gateway.get("enabled") is not False and (not given or given == model_name)


def holds(deployment: Obj, model_name: str) -> bool:
    """Whether a ModelDeployment's status says that requests for a model name are its own."""
    status = deployment.get("status") or {}
    said: Obj = next((one for one in status.get("conditions") or [] if one.get("type") == GATEWAY_READY), {})
    has_name = (status.get("gateway") or {}).get("modelName") == model_name
    return has_name and said.get("reason") != NAME_TAKEN


def named(route: Obj) -> str:
    """The deployment of a route, as namespace/name."""
    meta = route["metadata"]
    return f"{meta['namespace']}/{meta['name']}"


def owner_uid(route: Obj) -> str:
    """Uid of the ModelDeployment that a route says it is of; empty: of none."""
    for reference in route["metadata"].get("ownerReferences") or []:
        if reference.get("kind") == DEPLOYMENT_KIND and reference.get("controller"):
            return str(reference.get("uid"))
    return ""


def _age(route: Obj) -> tuple[str, str, str]:
    meta = route["metadata"]
    return str(meta.get("creationTimestamp") or ""), meta["namespace"], meta["name"]
