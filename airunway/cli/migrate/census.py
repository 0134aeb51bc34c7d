"""The fleet before and after: who was made anew, whose phase is another. Pure but for `take_census`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from airunway.api import names
from airunway.api.adoption import is_status_of_others, recorded_adoption
from airunway.api.conditions import conditions_of
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Kind, Object
from airunway.console.rows import deployment_row
from airunway.provider import Provider

AT_ONCE = 16
"""Upstream objects that are read at the same time."""


@dataclass(frozen=True)
class Counted:
    """One deployment, and the upstream object that serves it."""

    phase: str
    uid: str = ""
    """Of the upstream object; empty: there is none."""
    made: str = ""
    """When it was made, RFC 3339."""
    generation: int = 0
    """Of the upstream object: how often its spec was changed."""
    is_ours: bool = False
    """Whether this system took it over."""
    is_paused: bool = False


Census = Mapping[tuple[str, str], Counted]
"""By namespace and name of the deployment."""


async def take_census(cluster: Cluster, providers: Mapping[str, Provider]) -> Census:
    """Count every deployment that is not being deleted. `providers`: by name. Raises ApiError."""
    deployments = (await cluster.listing(DEPLOYMENTS)).items
    gate = asyncio.Semaphore(AT_ONCE)

    async def count(deployment: Object) -> tuple[tuple[str, str], Counted]:
        meta = deployment["metadata"]
        async with gate:
            upstream = await _upstream(cluster, deployment, providers)
        found = (upstream or {}).get("metadata") or {}
        counted = Counted(
            phase=deployment_row(deployment).phase,
            uid=str(found.get("uid") or ""),
            made=str(found.get("creationTimestamp") or ""),
            generation=int(found.get("generation") or 0),
            is_ours=_is_taken_over(deployment),
            is_paused=names.is_paused(meta),
        )
        return (str(meta["namespace"]), str(meta["name"])), counted

    living = [entry for entry in deployments if not entry["metadata"].get("deletionTimestamp")]
    return dict(await asyncio.gather(*map(count, living)))


def _is_taken_over(deployment: Object) -> bool:
    """Whether this system wrote its status, and has looked at what it took over."""
    if not deployment.get("status") or is_status_of_others(deployment):
        return False
    return recorded_adoption(conditions_of(deployment)) != 0


async def _upstream(cluster: Cluster, deployment: Object, providers: Mapping[str, Provider]) -> Object | None:
    """The main object, as the status names it; None: none is named, or it is gone."""
    given = (deployment.get("status") or {}).get("provider") or {}
    plugin = providers.get(str(given.get("name") or ""))
    name, kind = str(given.get("resourceName") or ""), str(given.get("resourceKind") or "")
    if plugin is None or not name:
        return None
    for known in plugin.kinds:
        if known.kind == kind or not kind:
            for version in known.versions:
                found = await _find(cluster, version, name, deployment["metadata"]["namespace"])
                if found is not None:
                    return found
    return None


async def _find(cluster: Cluster, kind: Kind, name: str, namespace: str) -> Object | None:
    try:
        return await cluster.find(kind, name, namespace=namespace)
    except Forbidden:
        return None  # whoever may not see it goes by phases


def made_anew(before: Census, after: Census, *, since: datetime) -> Iterator[str]:
    """In a sentence each: upstream objects that are others than before, or younger than the migration.

    `before` is empty after a crash: then an object's age alone tells. One that was missing before is no loss.
    """
    for key, now in after.items():
        then = before.get(key)
        where = "/".join(key)
        if then is not None and then.uid and now.uid != then.uid:
            yield f"{where}: its upstream object was {'made anew' if now.uid else 'removed'}"
        elif then is None and before:
            continue  # it was deployed meanwhile
        elif not before and now.made and datetime.fromisoformat(now.made) > since:
            yield f"{where}: its upstream object is younger than the migration; see when it was deployed"


def other_phases(before: Census, after: Census) -> Iterator[str]:
    """In a sentence each: deployments whose phase is another."""
    for key, now in after.items():
        then = before.get(key)
        if then is not None and then.phase != now.phase:
            yield f"{'/'.join(key)}: {now.phase or 'no phase'}, was {then.phase or 'without one'}"


def not_taken_over(after: Census) -> list[str]:
    """Deployments whose status still is others'; who is paused stays as it is."""
    return ["/".join(key) for key, now in after.items() if not now.is_ours and not now.is_paused]
