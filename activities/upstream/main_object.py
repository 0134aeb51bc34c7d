"""A deployment's main upstream object, in whichever version of its kind the cluster serves. Reads only."""

from __future__ import annotations

from airunway.clients.kubernetes import Cluster, Object
from airunway.provider import Provider


async def find_main(cluster: Cluster, provider: Provider, name: str, *, namespace: str) -> Object | None:
    """The object in the newest version that is served; None when there is none. Raises ApiError."""
    for kind in provider.kinds[0].versions:
        found = await cluster.find(kind, name, namespace=namespace)
        if found is not None:
            return found
    return None
