"""Decide what to write, from what is rendered and what is there. Pure.

Apart from the writing itself, so that what a reconcile would do can be shown without doing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from airunway.activities.upstream.absent_fields import absence_patch
from airunway.activities.upstream.changed_fields import changed_by, changed_by_write, changed_fields, overlap
from airunway.activities.upstream.following import Follower
from airunway.activities.upstream.inspection import AppliedBefore, Inspection, ObjectMaker, Target
from airunway.activities.upstream.ownership import (
    contains,
    digest_of,
    former_managers,
    is_as_created,
    is_owned_by,
    is_same_content,
    is_settled,
    is_written_by,
    owners_of,
    takeover_patch,
    version_of,
)
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import PlannedWrite, WriteAction
from airunway.provider import UpstreamKind


class Method(Enum):
    """How a rendered object gets to be as it is wanted."""

    KEEP = auto()
    """It is so already."""
    CREATE = auto()
    """Not by an apply, which would quietly change an object that was made since it was read."""
    APPLY = auto()
    """Server-side, on the version that was read."""


@dataclass(frozen=True, kw_only=True)
class ObjectWrite:
    """What happens to one rendered object.

    `first`: JSON patch that comes before the apply: it moves the fields of former managers to ours, and takes
    away what must be absent and no apply of ours takes away.
    """

    target: Target
    method: Method
    digest: str
    first: Sequence[Mapping[str, Any]] | None = None
    takeover_from: Sequence[str] = ()
    """The field managers of others, if it is from them."""
    changed: Sequence[str] = ()
    """Paths of the fields that an apply changes."""
    changed_by: Sequence[str] = ()
    """The field managers of others that set these fields."""


@dataclass(frozen=True, kw_only=True)
class ObjectDelete:
    """An object that goes, if it is still the one that was inspected."""

    kind: UpstreamKind
    live: Object
    why: str = ""
    is_repair: bool = False
    """It is made anew because somebody changed it."""


@dataclass(frozen=True, kw_only=True)
class WritePlan:
    """Writes in the order rendered, then what follows the main object, then deletions.

    `conflict`: an object of somebody else is in the way, so nothing is done. `replacing`: an object must be
    gone before anything is written; the deletions see to that.
    """

    writes: Sequence[ObjectWrite] = ()
    followers: Sequence[Follower] = ()
    deletes: Sequence[ObjectDelete] = ()
    replacing: str = ""
    conflict: str = ""


def plan_writes(inspection: Inspection, provider: ObjectMaker, request: AppliedBefore) -> WritePlan:
    """What to write and delete."""
    targets = inspection.targets
    conflict = _conflict(targets, request)
    if conflict:
        return WritePlan(conflict=conflict)
    replacing = _replacing(targets, provider, request)
    if replacing:
        deletes = _deletes_for_replacement(targets, provider, request)
        return WritePlan(replacing=replacing, deletes=deletes)
    return WritePlan(
        writes=[_planned(target, provider.field_manager) for target in targets],
        deletes=[
            ObjectDelete(kind=kind, live=live, why="not wanted any more")
            for kind, live in inspection.stale
            # Only what was rendered: what a stage made, e.g. a claim, is not for a list to take away.
            if is_owned_by(live, request.uid) and is_written_by(live, provider.field_manager)
        ],
    )


def applied(write: ObjectWrite, result: Object, *, field_manager: str, generation: int) -> AppliedObject:
    """An object as a write left it; `result` is what the API server answered, or what is kept.

    `generation`: of the deployment.
    """
    target = write.target
    meta: dict[str, Any] = result["metadata"]
    if write.method is Method.KEEP and target.last is not None:
        now = {"uid": meta["uid"], "generation": meta.get("generation", 0), "version": version_of(result)}
        now |= {"deployment_generation": generation, "asked": target.asked, "kept": list(target.kept)}
        rest = {"action": "unchanged", "changed": [], "changed_by": []}
        return target.last.model_copy(update={**now, **rest})
    action = _action(write, result)
    return AppliedObject(
        api_version=target.kind.api_version,
        kind=target.kind.kind,
        plural=target.kind.plural,
        name=target.name,
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        digest=write.digest,
        deployment_generation=generation,
        version=version_of(result),
        action=action,
        changed=[] if action == "unchanged" else _changed(write, result),
        changed_by=list(write.changed_by) if action == "repaired" else [],
        field_manager=field_manager,
        resource_version=meta["resourceVersion"],
        asked=target.asked,
        kept=list(target.kept),
    )


def _changed(write: ObjectWrite, result: Object) -> list[str]:
    """Of what was to change, what did: whoever creates an object owns what the API server filled in, too, and
    gives that up with the first apply, which changes nothing about it."""
    if write.target.live is None:
        return list(write.changed)
    done = changed_by_write(write.target.live, result)
    return [path for path in write.changed if any(overlap(path, other) for other in done)]


def _action(write: ObjectWrite, result: Object) -> str:
    live, last = write.target.live, write.target.last
    if live is None:
        return "created" if last is None else "recreated"
    if write.target.is_left:
        return "adopted"
    if write.method is Method.KEEP:
        return "created"  # as a create gives it: by an attempt whose answer was lost
    if is_same_content(live, result):
        return "unchanged"
    # The same content as last time, and yet something was written: somebody had changed it.
    return "repaired" if last is not None and last.digest == write.digest else "configured"


# -- in words, for the history --------------------------------------------------------------------------


def in_words(plan: WritePlan) -> list[PlannedWrite]:
    """What a plan does, in its order, without the objects."""
    writes = [_write_in_words(write) for write in plan.writes if write.method is not Method.KEEP]
    following = [follower.in_words() for follower in plan.followers if follower.differing]
    return [*writes, *following, *(delete_in_words(gone) for gone in plan.deletes)]


def create_in_words(
    kind: UpstreamKind, manifest: Mapping[str, Any], *, digest: str, why: str = ""
) -> PlannedWrite:
    """That an object is created which was not there."""
    return PlannedWrite(
        action=WriteAction.CREATE,
        api_version=kind.api_version,
        kind=kind.kind,
        name=manifest["metadata"]["name"],
        digest=digest,
        why=why,
    )


def delete_in_words(gone: ObjectDelete) -> PlannedWrite:
    """That an object is deleted."""
    meta = gone.live["metadata"]
    return PlannedWrite(
        action=WriteAction.DELETE,
        api_version=gone.kind.api_version,
        kind=gone.kind.kind,
        name=meta["name"],
        uid=meta["uid"],
        why=gone.why,
        is_repair=gone.is_repair,
    )


def _write_in_words(write: ObjectWrite) -> PlannedWrite:
    target = write.target
    if target.live is None:
        why = "it is gone" if target.last else ""
        return create_in_words(target.kind, target.desired, digest=write.digest, why=why)
    return PlannedWrite(
        action=WriteAction.APPLY,
        api_version=target.kind.api_version,
        kind=target.kind.kind,
        name=target.name,
        digest=write.digest,
        uid=target.live["metadata"]["uid"],
        changed=list(write.changed),
        why=_why_applied(write),
        is_repair=_is_as_last(target),
    )


def _why_applied(write: ObjectWrite) -> str:
    last = write.target.last
    who = f" ({', '.join(write.changed_by)})" if write.changed_by else ""
    reasons = [f"somebody changed it{who}"] if last is not None and last.digest == write.digest else []
    if write.takeover_from:
        reasons.append(f"takes over the fields of {', '.join(write.takeover_from)}")
    return "; ".join(reasons)


# -- decisions ------------------------------------------------------------------------------------------


def _conflict(targets: Sequence[Target], request: AppliedBefore) -> str:
    for target in targets:
        live = target.live
        if live is not None and not is_owned_by(live, request.uid):
            return (
                f"{target.kind.kind} {request.ref.namespace}/{target.name} exists and belongs to"
                f" {owners_of(live)}; delete or rename one of the two"
            )
    return ""


def _replacing(targets: Sequence[Target], provider: ObjectMaker, request: AppliedBefore) -> str:
    found = ""
    for target in targets:
        if target.live is None:
            continue
        if _is_terminating(target.live):
            return f"{target.kind.kind} {target.name} is being deleted"
        if target.is_left:
            continue
        found = _why_replaced(target, target.live, provider, request) or found
    return found


def _why_replaced(target: Target, live: Object, provider: ObjectMaker, request: AppliedBefore) -> str | None:
    """What the provider knows beforehand, or what the API server said when it was tried."""
    refused = request.refused
    if refused is not None and (refused.uid, refused.digest) == (live["metadata"]["uid"], _digest(target)):
        return refused.why
    return provider.replacement_reason(live, target.desired)


def _deletes_for_replacement(
    targets: Sequence[Target], provider: ObjectMaker, request: AppliedBefore
) -> list[ObjectDelete]:
    found = []
    for target in targets:
        if target.live is None or target.is_left or _is_terminating(target.live):
            continue
        reason = _why_replaced(target, target.live, provider, request)
        if reason:
            found.append(
                ObjectDelete(
                    kind=target.kind,
                    live=target.live,
                    why=f"replaced: {reason}",
                    is_repair=_is_as_last(target),
                )
            )
    return found


def _planned(target: Target, field_manager: str) -> ObjectWrite:
    digest, live = _digest(target), target.live
    if live is None:
        return ObjectWrite(target=target, method=Method.CREATE, digest=digest)
    if target.is_left or _is_unchanged(target, live, digest):
        return ObjectWrite(target=target, method=Method.KEEP, digest=digest)
    changed = changed_fields(live, target.desired, field_manager=field_manager)
    return ObjectWrite(
        target=target,
        method=Method.APPLY,
        digest=digest,
        first=_first(live, target.desired, field_manager=field_manager),
        takeover_from=former_managers(live, field_manager=field_manager),
        changed=changed,
        changed_by=changed_by(
            live, changed, field_manager=field_manager, is_taken_over=target.last is not None
        ),
    )


def _digest(target: Target) -> str:
    return target.keeps or digest_of(target.told_by or target.desired)


def _first(live: Object, desired: Object, *, field_manager: str) -> list[dict[str, Any]] | None:
    takeover = takeover_patch(live, field_manager=field_manager) or []
    # Not a "test", which the API server answers as it does a body that it cannot read.
    version = live["metadata"]["resourceVersion"]
    seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
    absent = absence_patch(live, desired)
    return [*takeover, seen, *absent] if absent else takeover or None


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


def _is_as_last(target: Target) -> bool:
    """Whether the same was written last: what is different now, somebody else changed."""
    return target.last is not None and target.last.digest == _digest(target)


def _is_terminating(live: Object) -> bool:
    return bool(live["metadata"].get("deletionTimestamp"))
