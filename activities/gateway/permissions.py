"""Permissions that were given for routes into another namespace, taken back with the last who needs them.

They are looked for as they are, not by what a route leads to: the route may be gone already, by an attempt
that did not come further or by its tenant's hand, and a route that somebody made himself needs none of ours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, Cluster, Object
from airunway.gateway.kinds import HTTP_ROUTE, REFERENCE_GRANT, ServedKinds
from airunway.gateway.model_names import owner_uid
from airunway.gateway.naming import FIELD_MANAGER, LABEL_MANAGED_BY, MANAGED_BY
from airunway.gateway.objects import granted_namespaces
from airunway.messages.refs import DeploymentRef


def leads_abroad(route: Mapping[str, Any]) -> bool:
    """Whether a route leads to another namespace than its own."""
    return any(place[0] != route["metadata"]["namespace"] for place in _backends(route))


async def revoke_unneeded(
    cluster: Cluster, ref: DeploymentRef, served: ServedKinds, *, leaves: bool
) -> list[str]:
    """Take back what no deployment of a namespace needs; in words, what was. Raises ApiError.

    `leaves`: the deployment itself does not count any more.
    """
    if REFERENCE_GRANT not in served.kinds:
        return []
    ours = await cluster.listing(served[REFERENCE_GRANT], label_selector=f"{LABEL_MANAGED_BY}={MANAGED_BY}")
    grants = [one for one in ours.items if ref.namespace in granted_namespaces(one) and _is_ours(one)]
    if not grants:
        return []
    needed = await _pools_needed(cluster, ref, served, leaves=leaves)
    changed = []
    for grant in grants:
        meta = grant["metadata"]
        pools = {(meta["namespace"], str(one.get("name"))) for one in grant["spec"].get("to") or []}
        if not pools & needed:
            await _take_out(cluster, grant, ref.namespace, served)
            place = f"{meta['namespace']}/{meta['name']}"
            changed.append(f"ReferenceGrant {place} not for {ref.namespace} any more")
    return changed


async def _pools_needed(
    cluster: Cluster, ref: DeploymentRef, served: ServedKinds, *, leaves: bool
) -> set[tuple[str, str]]:
    """Namespace and name of the pools that the routes of published deployments lead to."""
    if HTTP_ROUTE not in served.kinds:
        return set()
    routes = (await cluster.listing(served[HTTP_ROUTE], namespace=ref.namespace)).items
    deployments = (await cluster.listing(DEPLOYMENTS, namespace=ref.namespace)).items
    names, uids = set(), set()
    for one in deployments:
        meta, gateway = one["metadata"], (one.get("spec") or {}).get("gateway") or {}
        is_off = gateway.get("enabled") is False or meta.get("deletionTimestamp")
        if is_off or (leaves and meta["name"] == ref.name):
            continue
        names.add(gateway.get("httpRouteRef"))
        uids.add((meta["name"], meta["uid"]))
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
    meta, kind = grant["metadata"], served[REFERENCE_GRANT]
    if not granted_namespaces(grant) - {namespace}:
        with contextlib.suppress(NotFound):
            await cluster.delete(kind, meta["name"], namespace=meta["namespace"], uid=meta["uid"])
        return
    entries = [one for one in grant["spec"]["from"] if one.get("namespace") != namespace]
    seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    await cluster.patch(
        kind,
        meta["name"],
        [seen, {"op": "replace", "path": "/spec/from", "value": entries}],
        namespace=meta["namespace"],
        content_type=JSON_PATCH,
        field_manager=FIELD_MANAGER,
    )
