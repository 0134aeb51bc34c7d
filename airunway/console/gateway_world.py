"""What a cluster has of the gateway, read for a plan."""

from __future__ import annotations

from collections.abc import Callable

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import Cluster
from airunway.console.plan_publication import GatewayWorld
from airunway.gateway.kinds import GATEWAY


async def of_cluster(cluster: Cluster, gateway: GatewayWorld, *, note: Callable[[str], None]) -> GatewayWorld:
    """The same with what is there; `note` is told what is not known. Raises ApiError."""
    served = await ServedGatewayKinds(cluster).now()
    if not served.complete:
        return gateway.model_copy(update={"served": served})
    try:
        found = (await cluster.listing(served[GATEWAY])).items
    except Forbidden:
        note("Gateways may not be listed: which one would be taken is not known")
        return gateway
    return gateway.model_copy(update={"served": served, "gateways": found})
