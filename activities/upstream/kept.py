"""Objects that would be rendered otherwise though nobody asked for anything else: left as they serve. Pure.

A newer release of ours, or another default of an administrator's, renders a deployment that runs in another
way than it was written. To write that would restart its pods, or make it anew. So it comes with the next
change of the spec. What somebody else changed meanwhile is put right all the same, and nothing besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airunway.activities.upstream.changed_fields import MAX_PATHS, changed_fields, overlap, with_paths_of
from airunway.activities.upstream.inspection import Inspection, Target, identity, identity_of
from airunway.activities.upstream.owned_fields import as_applied, with_fields_of
from airunway.activities.upstream.ownership import digest_of, is_owned_by, owned_by_others, version_of
from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Object
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider, RenderContext, rendering

_RESTARTS_NOBODY = frozenset({"NetworkPolicy"})
"""Kinds whose change is felt at once and restarts no pod."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`differences`: what would be different if it were written as rendered, in words."""

    inspection: Inspection
    differences: Sequence[str] = ()

    @property
    def main_is_kept(self) -> bool:
        """Whether the main object is left as it serves."""
        return bool(self.inspection.targets) and bool(self.inspection.targets[0].keeps)


def asked_for(
    deployment: ModelDeployment,
    provider: Provider,
    request: RenderRequest,
    context: RenderContext,
    pins: Mapping[str, str] | None,
) -> str:
    """A digest of what somebody asked for: with the same, only our own way of rendering can differ.

    `pins`: images that an administrator's policy has run by their digests.
    """
    heeded = {*names.RENDERED_ANNOTATIONS, *provider.annotations}
    given = deployment.metadata.annotations
    own_image = rendering.serving_image_override(deployment) is not None
    return digest_of(
        {
            "generation": request.generation,
            "annotations": {key: given[key] for key in sorted(heeded) if key in given},
            "engine": request.engine,
            "image": context.serving_image if own_image else "",
            "modelImage": [context.model_image, context.model_image_pull_secret],
            "learned": sorted(context.learned),
            "pins": pins or {},
        }
    )


def kept_as_served(inspection: Inspection, provider: Provider, request: RenderRequest, asked: str) -> Kept:
    """What to leave."""
    targets: list[Target] = []
    differences: list[str] = []
    for found in inspection.targets:
        target, said = _judged(replace(found, asked=asked), provider, request.uid)
        targets.append(target)
        differences += [f"{target.kind.kind} {target.name}: {said}"] if said else []
    still = _still_wanted(inspection, request, asked)
    differences += [f"{target.kind.kind} {target.name}: not wanted any more" for target in still]
    known = [target.live for target in still]
    stale = [(kind, live) for kind, live in inspection.stale if live not in known]
    return Kept(inspection=Inspection(targets=[*targets, *still], stale=stale), differences=differences)


def _still_wanted(inspection: Inspection, request: RenderRequest, asked: str) -> list[Target]:
    """Objects that are not rendered any more, though nobody asked for that: what runs may use them."""
    last = {identity(entry): entry for entry in request.applied}
    found = []
    for kind, live in inspection.stale:
        before = last.get(identity_of(kind.api_version, kind.kind, live["metadata"]["name"]))
        if before is None or before.asked != asked or kind.kind in _RESTARTS_NOBODY:
            continue
        if is_owned_by(live, request.uid) and not live["metadata"].get("deletionTimestamp"):
            found.append(
                Target(
                    kind=kind,
                    desired=live,
                    live=live,
                    last=before,
                    asked=asked,
                    keeps=before.digest,
                    kept=before.kept,
                    is_left=True,
                )
            )
    return found


def _judged(target: Target, provider: Provider, uid: str) -> tuple[Target, str]:
    """The target, and what is left of it, in words; empty: nothing."""
    last, live = target.last, target.live
    if last is None or live is None or last.asked != target.asked or target.kind.kind in _RESTARTS_NOBODY:
        return target, ""
    if target.is_left or last.api_version != target.kind.api_version:
        return target, ""  # as it was found; or the version that it was written in is not served any more
    if not is_owned_by(live, uid) or live["metadata"].get("deletionTimestamp"):
        return target, ""
    anew = provider.replacement_reason(live, target.desired)
    if last.digest == digest_of(target.told_by or target.desired) and not anew:
        return target, ""
    changed = changed_fields(live, target.desired, field_manager=provider.field_manager)
    kept = replace(target, keeps=last.digest, kept=last.kept or changed)
    is_as_left = last.uid == live["metadata"]["uid"] and last.version == version_of(live)
    body = None if is_as_left else repaired(kept, live, provider)
    said = f"made anew, as {anew}" if anew else ", ".join(changed) or "other defaults"
    return (replace(kept, is_left=True) if body is None else replace(kept, desired=body)), said


def repaired(target: Target, live: Object, provider: Provider) -> Object | None:
    """The live object without what others did to it; None: they did nothing, or it cannot be undone in place.

    What they changed is theirs by `managedFields`; what they took away is missing, and was not when it was
    first left as it is.
    """
    manager = provider.field_manager
    found: Any = with_fields_of(live, target.desired, owned_by_others(live, field_manager=manager))
    if len(target.kept) < MAX_PATHS:
        changed = changed_fields(live, target.desired, field_manager=manager)
        gone = {path for path in changed if not any(overlap(path, known) for known in target.kept)}
        found = with_paths_of(found, target.desired, gone)
    body = as_applied(found)
    changes = changed_fields(live, body, field_manager=manager)
    return None if not changes or provider.replacement_reason(live, body) else body
