"""Permissions that were given for routes into another namespace, taken back with the last who needs them.

They are looked for as they are, not by what a route leads to: the route may be gone already, by an attempt
that did not come further or by its tenant's hand, and a route that somebody made himself needs none of ours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airunway.activities.upstream.ownership import is_owned_by
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, Cluster, Object
from airunway.gateway.kinds import (
    DESTINATION_RULE,
    HTTP_ROUTE,
    INFERENCE_POOL,
    REFERENCE_GRANT,
    ServedKinds,
)
from airunway.gateway.model_names import owner_uid
from airunway.gateway.naming import FIELD_MANAGER, LABEL_MANAGED_BY, MANAGED_BY, grant_name
from airunway.gateway.objects import granted_namespaces, picker_of
from airunway.messages.refs import DeploymentRef


def grants_used(route: Mapping[str, Any]) -> set[str]:
    """Namespace and name of the grants by which a route leads to other namespaces than its own."""
    own = route["metadata"]["namespace"] if route else ""
    return {grant_place(*place) for place in _backends(route) if place[0] != own}


def grant_place(namespace: str, pool: str) -> str:
    """Namespace and name of the grant for a pool."""
    return f"{namespace}/{grant_name(pool)}"


async def unneeded_grants(
    cluster: Cluster, ref: DeploymentRef, served: ServedKinds, *, keeps: tuple[str, str] | None
) -> list[Object]:
    """Those of ours for a namespace that no deployment there needs. Raises ApiError.

    `keeps`: namespace and name of the pool that the deployment itself is going to use, whatever its route
    leads to now; None: it leaves.
    """
    if REFERENCE_GRANT not in served.kinds:
        return []
    ours = await cluster.listing(served[REFERENCE_GRANT], label_selector=f"{LABEL_MANAGED_BY}={MANAGED_BY}")
    grants = [one for one in ours.items if ref.namespace in granted_namespaces(one) and _is_ours(one)]
    if not grants:
        return []
    needed = await _pools_needed(cluster, ref, served, leaves=keeps is None) | {keeps}
    return [grant for grant in grants if not needed & _pools_of(grant)]


async def revoke(
    cluster: Cluster, grants: Sequence[Object], namespace: str, served: ServedKinds
) -> list[str]:
    """Take a namespace out of grants; in words, what was done. Raises ApiError."""
    changed = []
    for grant in grants:
        await _take_out(cluster, grant, namespace, served)
        meta = grant["metadata"]
        changed.append(f"ReferenceGrant {meta['namespace']}/{meta['name']} not for {namespace} any more")
    return changed


def _pools_of(grant: Object) -> set[tuple[str, str]]:
    namespace = grant["metadata"]["namespace"]
    return {(namespace, str(one.get("name"))) for one in grant["spec"].get("to") or []}


async def _pools_needed(
    cluster: Cluster, ref: DeploymentRef, served: ServedKinds, *, leaves: bool
) -> set[tuple[str, str] | None]:
    """Namespace and name of the pools that routes of published deployments lead to, besides its own route."""
    if HTTP_ROUTE not in served.kinds:
        return set()
    routes = (await cluster.listing(served[HTTP_ROUTE], namespace=ref.namespace)).items
    deployments = (await cluster.listing(DEPLOYMENTS, namespace=ref.namespace)).items
    names, uids = set(), set()
    for one in deployments:
        meta, gateway = one["metadata"], (one.get("spec") or {}).get("gateway") or {}
        is_off = gateway.get("enabled") is False or meta.get("deletionTimestamp")
        is_own = meta["name"] == ref.name
        if is_off or (leaves and is_own):
            continue
        names.add(gateway.get("httpRouteRef"))
        uids |= set() if is_own else {(meta["name"], meta["uid"])}
    return {
        place
        for route in routes
        if route["metadata"]["name"] in names or (route["metadata"]["name"], owner_uid(route)) in uids
        for place in _backends(route)
    }


def _backends(route: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in (route.get("spec") or {}).get("rules") or []:
        for ref in rule.get("backendRefs") or []:
            yield str(ref.get("namespace") or route["metadata"]["namespace"]), str(ref.get("name"))


def _is_ours(grant: Object) -> bool:
    return FIELD_MANAGER in {entry.get("manager") for entry in grant["metadata"].get("managedFields") or []}


async def _take_out(cluster: Cluster, grant: Object, namespace: str, served: ServedKinds) -> None:
    meta = grant["metadata"]
    if not granted_namespaces(grant) - {namespace}:
        await _delete_rules(cluster, grant, served)  # first: they are found by the grant
        with contextlib.suppress(NotFound):
            await cluster.delete(
                served[REFERENCE_GRANT], meta["name"], namespace=meta["namespace"], uid=meta["uid"]
            )
        return
    entries = [one for one in grant["spec"]["from"] if one.get("namespace") != namespace]
    seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    await cluster.patch(
        served[REFERENCE_GRANT],
        meta["name"],
        [seen, {"op": "replace", "path": "/spec/from", "value": entries}],
        namespace=meta["namespace"],
        content_type=JSON_PATCH,
        field_manager=FIELD_MANAGER,
    )


async def _delete_rules(cluster: Cluster, grant: Object, served: ServedKinds) -> None:
    """What Istio was told of the pickers of a grant's pools, where it was told by us."""
    kind, pools = served.get(DESTINATION_RULE), served.get(INFERENCE_POOL)
    if kind is None or pools is None:
        return
    for namespace, name in _pools_of(grant):
        pool = await cluster.find(pools, name, namespace=namespace)
        service = picker_of(pool or {})
        rule = await cluster.find(kind, service, namespace=namespace) if service else None
        if pool is None or rule is None or not is_owned_by(rule, pool["metadata"]["uid"]):
            continue
        with contextlib.suppress(NotFound):
            await cluster.delete(kind, service, namespace=namespace, uid=rule["metadata"]["uid"])
