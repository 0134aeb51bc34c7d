"""Objects that AI Runway's own controllers made of the present spec: left as they serve. Pure.

Ours differ from theirs in labels, probes, isolation and the like, and to write that would restart every pod
at once, on GPUs that may have no room for a second one. So it comes with the next change of the spec. What
somebody else changed meanwhile is put right all the same, and nothing besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airunway.activities.upstream.changed_fields import changed_fields
from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.kept import repaired
from airunway.activities.upstream.ownership import digest_of, is_owned_by
from airunway.api.conditions import conditions_of, find_condition
from airunway.api.core_types import ConditionStatus
from airunway.api.status import Phase
from airunway.clients.kubernetes import Object
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What was found, and what would be different about it if it were written as rendered, in words."""

    inspection: Inspection
    differences: Sequence[str] = ()

    @property
    def main_is_left(self) -> bool:
        """Whether the main object stays as it was found; what comes before it was done by others, then."""
        return bool(self.inspection.targets) and self.inspection.targets[0].is_left


def adopted(
    inspection: Inspection, provider: Provider, request: RenderRequest, owner: Mapping[str, Any]
) -> Adoption:
    """What to leave. Of an older spec: only what would have to be made anew to follow it."""
    same_spec = _is_of_this_spec(owner, request) and not _is_lost(inspection, provider, request)
    targets: list[Target] = []
    differences: list[str] = []
    for target in inspection.targets:
        live = target.live
        if live is None or not _is_as_found(target, live, request.uid):
            targets.append(target)
            continue
        anew = provider.replacement_reason(live, target.desired)
        changed = changed_fields(live, target.desired, field_manager=provider.field_manager)
        if not (anew or (same_spec and changed)):
            targets.append(target)
            continue
        said = f"made anew, as {anew}" if anew else ", ".join(changed)
        differences.append(f"{target.kind.kind} {target.name}: {said}")
        targets.append(_left(target, live, provider, changed))
    return Adoption(inspection=replace(inspection, targets=targets), differences=differences)


def _is_of_this_spec(owner: Mapping[str, Any], request: RenderRequest) -> bool:
    """Whether the objects were made of this generation; the status of who made them says it.

    The first generation has had no other spec. Source: vllm.md §5, conditions bear each pass's generation.
    """
    if request.adoption:
        return request.adoption == request.generation
    if request.generation == 1:
        return True
    created = find_condition(conditions_of(owner), "ResourceCreated")
    if created is not None:
        is_true = created.status is ConditionStatus.TRUE
        return is_true and created.observed_generation == request.generation
    return bool((owner.get("status") or {}).get("observedGeneration") == request.generation)


def _is_lost(inspection: Inspection, provider: Provider, request: RenderRequest) -> bool:
    """Whether the main object failed and serves nothing: then nothing is lost by writing it as rendered."""
    live = inspection.targets[0].live if inspection.targets and not request.adoption else None
    if live is None:
        return False
    try:
        status = provider.read_status(live)
    except ValueError:
        return False
    ready = status.replicas.ready if status.replicas is not None else None
    return status.phase is Phase.FAILED and ready == 0


def _is_as_found(target: Target, live: Object, uid: str) -> bool:
    """Whether an object of the deployment was never written by an apply of this system."""
    if not is_owned_by(live, uid) or live["metadata"].get("deletionTimestamp"):
        return False
    return target.last is None or target.last.digest == digest_of(_told_by(target))


def _told_by(target: Target) -> Object:
    """Another digest than that of the object as it is rendered."""
    return {"left": target.told_by or target.desired}


def _left(target: Target, live: Object, provider: Provider, changed: Sequence[str]) -> Target:
    before = target.last.kept if target.last is not None else changed
    found = replace(target, told_by=_told_by(target), kept=before)
    body = repaired(found, live, provider)
    return replace(found, is_left=True) if body is None else replace(found, desired=body)
