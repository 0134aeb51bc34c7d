"""Decide what to write, from what is rendered and what is there. Pure.

Apart from the writing itself, so that what a reconcile would do can be shown without doing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.ownership import (
    contains,
    digest_of,
    is_as_created,
    is_owned_by,
    is_same_content,
    is_settled,
    owners_of,
    takeover_patch,
    version_of,
)
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject, UpstreamRequest
from airunway.provider import Provider, UpstreamKind


class Method(Enum):
    """How a rendered object gets to be as it is wanted."""

    KEEP = auto()
    """It is so already."""
    CREATE = auto()
    """Not by an apply, which would quietly change an object that was made since it was read."""
    APPLY = auto()
    """Server-side, on the version that was read."""


@dataclass(frozen=True, kw_only=True)
class PlannedWrite:
    """What happens to one rendered object.

    `takeover`: JSON patch that first moves the fields of former managers to ours.
    """

    target: Target
    method: Method
    digest: str
    takeover: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedDelete:
    """An object that goes, if it is still the one that was inspected."""

    kind: UpstreamKind
    live: Object


@dataclass(frozen=True, kw_only=True)
class WritePlan:
    """Writes in the order rendered, then deletions.

    `conflict`: an object of somebody else is in the way, so nothing is done. `replacing`: an object must be
    gone before anything is written; the deletions see to that.
    """

    writes: Sequence[PlannedWrite] = ()
    deletes: Sequence[PlannedDelete] = ()
    replacing: str = ""
    conflict: str = ""


def plan_writes(inspection: Inspection, provider: Provider, request: UpstreamRequest) -> WritePlan:
    """What to write and delete."""
    targets = inspection.targets
    conflict = _conflict(targets, request)
    if conflict:
        return WritePlan(conflict=conflict)
    replacing = _replacing(targets, provider)
    if replacing:
        return WritePlan(replacing=replacing, deletes=_deletes_for_replacement(targets, provider))
    return WritePlan(
        writes=[_planned(target, provider.field_manager) for target in targets],
        deletes=[
            PlannedDelete(kind=kind, live=live)
            for kind, live in inspection.stale
            if is_owned_by(live, request.uid)
        ],
    )


def applied(write: PlannedWrite, result: Object) -> AppliedObject:
    """An object as a write left it; `result` is what the API server answered, or what is kept."""
    target = write.target
    if write.method is Method.KEEP and target.last is not None:
        return target.last.model_copy(update={"action": "unchanged", "version": version_of(result)})
    meta: dict[str, Any] = result["metadata"]
    return AppliedObject(
        api_version=target.kind.api_version,
        kind=target.kind.kind,
        plural=target.kind.plural,
        name=target.name,
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        digest=write.digest,
        version=version_of(result),
        action=_action(write, result),
    )


def _action(write: PlannedWrite, result: Object) -> str:
    live, last = write.target.live, write.target.last
    if live is None:
        return "created" if last is None else "recreated"
    if is_same_content(live, result):
        return "unchanged"
    # The same content as last time, and yet something was written: somebody had changed it.
    return "repaired" if last is not None and last.digest == write.digest else "configured"


# -- decisions ------------------------------------------------------------------------------------------


def _conflict(targets: Sequence[Target], request: UpstreamRequest) -> str:
    for target in targets:
        live = target.live
        if live is not None and not is_owned_by(live, request.uid):
            return (
                f"{target.kind.kind} {request.ref.namespace}/{target.name} exists and belongs to"
                f" {owners_of(live)}; delete or rename one of the two"
            )
    return ""


def _replacing(targets: Sequence[Target], provider: Provider) -> str:
    found = ""
    for target in targets:
        if target.live is None:
            continue
        if _is_terminating(target.live):
            return f"{target.kind.kind} {target.name} is being deleted"
        found = provider.replacement_reason(target.live, target.desired) or found
    return found


def _deletes_for_replacement(targets: Sequence[Target], provider: Provider) -> list[PlannedDelete]:
    return [
        PlannedDelete(kind=target.kind, live=target.live)
        for target in targets
        if target.live is not None
        and not _is_terminating(target.live)
        and provider.replacement_reason(target.live, target.desired)
    ]


def _planned(target: Target, field_manager: str) -> PlannedWrite:
    digest, live = digest_of(target.desired), target.live
    if live is None:
        return PlannedWrite(target=target, method=Method.CREATE, digest=digest)
    if _is_unchanged(target, live, digest):
        return PlannedWrite(target=target, method=Method.KEEP, digest=digest)
    takeover = takeover_patch(live, field_manager=field_manager)
    return PlannedWrite(target=target, method=Method.APPLY, digest=digest, takeover=takeover)


def _is_unchanged(target: Target, live: Object, digest: str) -> bool:
    last, desired = target.last, target.desired
    if last is None:
        return is_as_created(live, desired)  # by an attempt whose answer was lost
    meta, wanted = live["metadata"], desired["metadata"]
    return (
        last.digest == digest
        and (last.version == version_of(live) or is_settled(live, desired))
        and contains(meta.get("labels"), wanted.get("labels") or {})
        and contains(meta.get("annotations"), wanted.get("annotations") or {})
    )


def _is_terminating(live: Object) -> bool:
    return bool(live["metadata"].get("deletionTimestamp"))
