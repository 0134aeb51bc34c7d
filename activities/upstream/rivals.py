"""Controllers of AI Runway's own that are at work beside this system: by Lease and heartbeat. Reads only.

Asked for only while somebody keeps changing what is written. Source: crds.md §8.1 (Leases, field managers),
core.md §16.2 (15 s), vllm.md §1 and §3 (heartbeat every minute, stale after 180 s).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.api import names
from airunway.api.heartbeat import last_heartbeat
from airunway.api.plain_text import one_line
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import CONFIGS, LEASES, Cluster, Object
from airunway.messages.upstream import Rival

LEASE_SECONDS = 15
"""Of a Lease that does not say it."""
HEARTBEAT_LASTS = timedelta(seconds=180)
MAX_AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours."""
_CORE = "AI Runway's own core controller"


async def rivals_of(cluster: Cluster, provider: str) -> list[Rival]:
    """The core's controller and the provider's, if they show signs of life, past ones too.

    Raises ApiError.
    """
    deployment = f"airunway-{provider}-provider"
    core, shim, config = await asyncio.gather(
        _lease(cluster, names.FORMER_CORE_LEASE),
        _lease(cluster, deployment),
        cluster.find(CONFIGS, provider),
    )
    found = [
        _by_lease(core, _CORE, names.FORMER_CORE),
        _by_lease(shim, f"AI Runway's own controller of provider {provider}", deployment)
        or _by_heartbeat(config, provider, deployment),
    ]
    return [rival for rival in found if rival is not None]


async def _lease(cluster: Cluster, name: str) -> Object | None:
    try:
        return await cluster.find(LEASES, name, namespace=names.SYSTEM_NAMESPACE)
    except Forbidden:
        return None  # whoever may not look goes by heartbeats


def _by_lease(lease: Object | None, who: str, deployment: str) -> Rival | None:
    spec = (lease or {}).get("spec") or {}
    renewed = _believable(last_heartbeat(spec.get("renewTime")))
    if renewed is None or not spec.get("holderIdentity"):
        return None
    lasts = spec.get("leaseDurationSeconds")
    seconds = lasts if isinstance(lasts, int) and 0 < lasts <= 3600 else LEASE_SECONDS
    holder = str(spec["holderIdentity"])[:100]
    words = f"{who} still runs: {one_line(holder)} holds its Lease"
    return Rival(words=f"{words}; {_stop(deployment)}", alive_until=renewed + timedelta(seconds=2 * seconds))


def _by_heartbeat(config: Object | None, provider: str, deployment: str) -> Rival | None:
    beat = foreign_heartbeat(config or {})
    if beat is None:
        return None
    words = f"AI Runway's own controller of provider {provider} still runs: it writes heartbeats"
    return Rival(words=f"{words}; {_stop(deployment)}", alive_until=beat + HEARTBEAT_LASTS)


def foreign_heartbeat(config: Mapping[str, Any]) -> datetime | None:
    """When a controller of AI Runway's own kind last wrote the status of a provider's config."""
    entries = (config.get("metadata") or {}).get("managedFields") or ()
    beats = (
        _believable(last_heartbeat(entry.get("time")))
        for entry in entries
        if entry.get("manager") in names.FORMER_FIELD_MANAGERS and entry.get("subresource") == "status"
    )
    return max((beat for beat in beats if beat is not None), default=None)


def _believable(beat: datetime | None) -> datetime | None:
    """A sign of life, unless it is of a time that no clock can show yet: it would never grow old."""
    return beat if beat is not None and beat <= datetime.now(UTC) + MAX_AHEAD else None


def _stop(deployment: str) -> str:
    return f"end it by kubectl -n {names.SYSTEM_NAMESPACE} scale deployment {deployment} --replicas 0"
