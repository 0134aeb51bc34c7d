"""Read what was applied: is it as it was left, what does it say, what is in its way? Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from airunway.activities.upstream.diagnostics import findings_for
from airunway.activities.upstream.following import Follower, astray, followers, read_made
from airunway.activities.upstream.inspection import owned_among, read_applied
from airunway.activities.upstream.ownership import is_owned_by, owners_of, version_of
from airunway.activities.upstream.reported_status import reported_status, status_of
from airunway.activities.upstream.rivals import rivals_of
from airunway.api.bounds import LARGE_ELEMENTS, has_more_elements_than
from airunway.api.status import UnifiedStatus
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import Readiness, ReadinessRequest
from airunway.provider import MainObject, Provider


async def read_state(cluster: Cluster, provider: Provider, request: ReadinessRequest) -> Readiness:
    """What the objects say. Raises ApiError."""
    live = await read_applied(cluster, provider, request.ref, request.applied)
    owned = owned_among(live, request.uid)
    made, unseen = await _made(cluster, provider, owned[:1])

    def judge() -> tuple[list[str], list[Follower], UnifiedStatus | None]:
        changed = drifted(request.applied, live, uid=request.uid)
        leads = MainObject(live=owned[0], wanted=owned[0]) if owned and request.follows else None
        found = followers(provider, leads, made) if leads is not None else []
        behind = [*astray(found), *unseen] if request.follows else []
        return [*changed, *behind], found, status_of(provider, owned, made)

    # Whoever may write the upstream objects makes them as large as the API server takes them.
    is_large = has_more_elements_than([*live, *made], LARGE_ELEMENTS)
    drift, found, said = await asyncio.to_thread(judge) if is_large else judge()
    status = await reported_status(cluster, provider, request.ref, said, seen=request)
    selector = provider.pod_selector(request.ref.name)
    return Readiness(
        drifted=drift,
        status=status,
        followed=None if drift else [entry.left(field_manager=provider.field_manager) for entry in found],
        findings=await findings_for(cluster, request.ref.namespace, selector) if request.diagnose else [],
        rivals=await rivals_of(cluster, request.provider) if request.contested else [],
    )


async def _made(
    cluster: Cluster, provider: Provider, main: Sequence[Object]
) -> tuple[list[Object], list[str]]:
    """What the operator made of the main object, and in words what cannot be seen: rendering says why."""
    made: list[Object] = []
    for obj in main:
        try:
            made += await read_made(cluster, provider, obj)
        except Forbidden:
            words = f"{provider.kinds[0].kind} {obj['metadata']['name']}"
            return [], [f"what was made of {words} cannot be seen"]
    return made, []


def drifted(applied: Sequence[AppliedObject], live: Sequence[Object | None], *, uid: str) -> list[str]:
    """Objects that are not as they were left, and why. Pure.

    Whether a changed one still says what was rendered only rendering can tell, which is what comes next.
    """
    causes = [(entry, _not_as_left(entry, obj, uid)) for entry, obj in zip(applied, live, strict=True)]
    return [f"{entry.kind} {entry.name} {cause}" for entry, cause in causes if cause]


def _not_as_left(entry: AppliedObject, obj: Object | None, uid: str) -> str:
    if obj is None:
        return "is gone"
    meta = obj["metadata"]
    if not is_owned_by(obj, uid):
        return f"belongs to {owners_of(obj)}"
    if meta["uid"] != entry.uid:
        return "was made again by somebody else"
    if meta.get("deletionTimestamp"):
        return "is being deleted"
    return "" if version_of(obj) == entry.version else "was changed"
