"""Which rights a chart needs and the installer does not have: found before anything is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.clients.access_review import can_i
from airunway.clients.kubernetes import Cluster
from airunway.installation.permissions import Need, kinds_defined, needs_of

MAX_REVIEWS_AT_ONCE = 16
"""Questions to the API server at the same time."""


async def missing_rights(
    cluster: Cluster, objects: Sequence[Mapping[str, Any]], *, namespace: str
) -> list[str]:
    """The rights, in words; empty when nothing is missing. `namespace`: of the release, if there is one."""
    if await can_i(cluster, group="*", resource="*", verb="*"):
        return []
    versions = sorted({str(obj.get("apiVersion") or "") for obj in objects} - {""})
    served = await asyncio.gather(*(cluster.discovery.served_resources(version) for version in versions))
    # What a chart defines, it may have objects of: those are not served before it is installed.
    plurals = kinds_defined(objects) | {
        (version, kind): found
        for version, kinds in zip(versions, served, strict=True)
        for kind, found in kinds.items()
    }
    gate = asyncio.Semaphore(MAX_REVIEWS_AT_ONCE)

    async def allowed(need: Need) -> bool:
        async with gate:
            return await can_i(
                cluster,
                group=need.group,
                resource=need.resource,
                verb=need.verb,
                namespace=need.namespace,
            )

    needs = needs_of(objects, plurals, namespace=namespace)
    answers = await asyncio.gather(*map(allowed, needs))
    return [str(need) for need, granted in zip(needs, answers, strict=True) if not granted]
