"""What a chart may ask about the cluster it is rendered for: its version and the kinds it serves.

Helm learns it itself when it installs. Rendering never touches the cluster, so it is given them; otherwise a
chart that looks for a kind before it makes an object of it would be shown wrongly.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from airunway.clients.errors import ServerError
from airunway.clients.kubernetes import Cluster


@dataclass(frozen=True, kw_only=True)
class ClusterCapabilities:
    """For `.ClusterCapabilities` in templates."""

    kube_version: str
    api_versions: tuple[str, ...]
    """`v1`, `apps/v1`, `apps/v1/Deployment`, …"""


async def capabilities(cluster: Cluster) -> ClusterCapabilities:
    """Ask a cluster."""
    version, group_versions = await asyncio.gather(
        cluster.discovery.server_version(), cluster.discovery.served_group_versions()
    )
    kinds = await asyncio.gather(*(_kinds(cluster, group_version) for group_version in group_versions))
    found = [
        name
        for group_version, served in zip(group_versions, kinds, strict=True)
        for name in (group_version, *(f"{group_version}/{kind}" for kind in served))
    ]
    return ClusterCapabilities(kube_version=version, api_versions=tuple(found))


async def _kinds(cluster: Cluster, group_version: str) -> list[str]:
    try:
        return sorted(await cluster.discovery.served_kinds(group_version))
    except ServerError:  # an aggregated API whose server is down hides only itself
        return []
