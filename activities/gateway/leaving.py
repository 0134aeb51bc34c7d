"""What goes when a deployment is not published any more, and what others still need. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airunway.api.status import Phase
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.gateway.kinds import (
    DESTINATION_RULE,
    HTTP_ROUTE,
    INFERENCE_POOL,
    PICKER_KINDS,
    GatewayKind,
    ServedKinds,
)
from airunway.gateway.listeners import ListenerChange, to_close
from airunway.gateway.naming import picker_name
from airunway.messages.deployment import AppliedObject
from airunway.provider import UpstreamKind


def own_places(
    name: str, served: ServedKinds, applied: Sequence[AppliedObject]
) -> Iterator[tuple[UpstreamKind, str]]:
    """Every kind and name that the objects of a deployment can have, in the order in which they go.

    The route first: it must not lead to a pool that is gone.
    """
    picker = picker_name(name)
    rules = {one.name for one in applied if one.kind == DESTINATION_RULE} | {picker}
    for kind, named in ((HTTP_ROUTE, [name]), (INFERENCE_POOL, [name]), (DESTINATION_RULE, sorted(rules))):
        if (found := served.get(kind)) is not None:
            yield from ((as_upstream(found), one) for one in named)
    for part in reversed(PICKER_KINDS):
        yield as_upstream(part), picker


def as_upstream(kind: GatewayKind) -> UpstreamKind:
    """The same kind for the code that writes objects."""
    return UpstreamKind(
        api_version=kind.api_version, kind=kind.kind, plural=kind.plural, builtin=kind.builtin
    )


async def listeners_to_close(
    cluster: Cluster,
    gateways: Sequence[Object],
    owner: Mapping[str, Any],
    *,
    besides: tuple[str, str] | None,
) -> list[tuple[Object, ListenerChange]]:
    """Gateways that are open for a namespace of which nobody else needs it; not the one `besides`.

    The other deployments are asked for only where something is open. Raises ApiError.
    """
    meta = owner["metadata"]
    changes = [(gateway, to_close(gateway, meta["namespace"])) for gateway in gateways]
    found = [
        (gateway, change)
        for gateway, change in changes
        if change.patch and (gateway["metadata"]["namespace"], gateway["metadata"]["name"]) != besides
    ]
    if not found:
        return []
    listing = await cluster.listing(DEPLOYMENTS, namespace=meta["namespace"])
    others = [one for one in listing.items if one["metadata"]["name"] != meta["name"]]
    return [
        (gateway, change)
        for gateway, change in found
        if not any(_needs(one, gateway["metadata"]["namespace"]) for one in others)
    ]


def _needs(deployment: Mapping[str, Any], gateway_namespace: str) -> bool:
    """Whether a deployment is, or is about to be, published behind a Gateway of that namespace."""
    if deployment["metadata"].get("deletionTimestamp"):
        return False
    if ((deployment.get("spec") or {}).get("gateway") or {}).get("enabled") is False:
        return False
    status = deployment.get("status") or {}
    published = status.get("gateway") or {}
    if published:
        return bool(published.get("gatewayNamespace") == gateway_namespace)
    return status.get("phase") == Phase.RUNNING
