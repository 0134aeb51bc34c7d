"""Which images leave the registry, and whether there is room for one more. Pure.

An image that a deployment names or a pod runs never leaves, nor one that was asked for within the last
hour: a deployment that has just been given it may not say so in its status yet. The others leave when nobody
has wanted them for long, and sooner, the longest unused first, when their room is needed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airunway.modelimage.plan import ModelImagePlan, human_bytes
from airunway.modelimage.records import ImageRecord, RecordState

IN_HAND = timedelta(hours=1)
"""Since it was last asked for: an image may have been given to a deployment that does not say so yet."""
MAX_IMAGES = 2000
"""In the registry; what is remembered of them is one object of the API server, which takes 1 MiB."""
_COPIES = 1.05  # a layer is a tar file, and there is a config
_FILLED_TO = 0.95  # pushes that were broken off lie about until the registry is started again


@dataclass(frozen=True, kw_only=True)
class RoomLimits:
    """`unused_for`: how long nobody wanted an image that leaves. `registry_bytes`: of the volume, 0: unknown.

    `namespace_share`: of the volume, for all images that one namespace was the first to want.
    `builds_per_namespace`: at the same time.
    """

    unused_for: timedelta
    registry_bytes: int
    namespace_share: float
    builds_per_namespace: int


@dataclass(frozen=True)
class Room:
    """Identities of images that are to leave, and what is in the way of one more even then (else empty)."""

    removed: tuple[str, ...] = ()
    problem: str = ""


def room_for(
    plan: ModelImagePlan,
    namespace: str,
    *,
    records: Mapping[str, ImageRecord],
    in_use: Collection[str],
    now: datetime,
    limits: RoomLimits,
) -> Room:
    """What is to leave before this image is built for a namespace.

    `in_use`: digests, and repositories of the registry of which somebody names an image by tag.
    """
    registry = {
        key: record for key, record in records.items() if key != plan.identity and record.has_room(now)
    }
    idle = sorted(
        (key for key, record in registry.items() if _is_idle(record, in_use, now)),
        key=lambda key: registry[key].used,
    )
    removed = dict.fromkeys(key for key in idle if _has_had_its_time(registry[key], now, limits))
    own = {key: record for key, record in registry.items() if record.namespace == namespace}
    needed = int(plan.total_bytes * _COPIES)
    volume = limits.registry_bytes or math.inf
    share, whole = volume * limits.namespace_share, volume * _FILLED_TO
    mine = _make_room(own, idle, removed, most=share - needed)
    total = _make_room(registry, idle, removed, most=whole - needed)
    problem = ""
    if len(registry) - len(removed) >= MAX_IMAGES:
        problem = (
            f"the registry holds {MAX_IMAGES} images, which is the most that are kept; delete deployments"
        )
    elif mine + needed > share:
        problem = (
            f"namespace {namespace} may fill {human_bytes(share)} of the registry, and with {plan.repository}"
            f" its images in use would take {human_bytes(mine + needed)}; delete deployments, or have the"
            " administrator raise AIRUNWAY_IMAGE_NAMESPACE_SHARE"
        )
    elif total + needed > whole:
        problem = (
            f"the registry has no room for {plan.repository} beside the images in use; delete deployments, or"
            " have the administrator raise AIRUNWAY_IMAGE_REGISTRY_VOLUME_SIZE"
        )
    return Room(tuple(removed), problem)


def unused(
    records: Mapping[str, ImageRecord], *, in_use: Collection[str], now: datetime, limits: RoomLimits
) -> tuple[str, ...]:
    """The images that are to leave though nobody needs their room."""
    return tuple(
        key
        for key, record in records.items()
        if _is_idle(record, in_use, now) and _has_had_its_time(record, now, limits)
    )


def _has_had_its_time(record: ImageRecord, now: datetime, limits: RoomLimits) -> bool:
    return record.state is RecordState.REMOVING or now - record.used >= limits.unused_for


def _make_room(
    images: Mapping[str, ImageRecord], idle: Sequence[str], removed: dict[str, None], *, most: float
) -> int:
    """Add to what is removed until the images take `most` bytes; answers what they take then.

    `idle`: what may be removed, the longest unused first.
    """
    taken = sum(int(record.bytes * _COPIES) for key, record in images.items() if key not in removed)
    for key in idle:
        if taken <= most:
            break
        if key in images and key not in removed:
            removed[key] = None
            taken -= int(images[key].bytes * _COPIES)
    return taken


def waits_for_others(
    plan: ModelImagePlan,
    namespace: str,
    *,
    records: Mapping[str, ImageRecord],
    now: datetime,
    limits: RoomLimits,
) -> str:
    """Why a build must wait for others of its namespace; empty when it need not."""
    running = [
        key
        for key, record in records.items()
        if key != plan.identity and record.namespace == namespace and record.is_being_built(now)
    ]
    if len(running) < limits.builds_per_namespace:
        return ""
    return (
        f"namespace {namespace} has {len(running)} builds at once, which is the most it may have"
        " (AIRUNWAY_IMAGE_BUILDS_PER_NAMESPACE)"
    )


def _is_idle(record: ImageRecord, in_use: Collection[str], now: datetime) -> bool:
    if is_named(record, in_use) or record.state is RecordState.BUILDING:
        return False
    return record.state is RecordState.REMOVING or now - max(record.used, record.since) >= IN_HAND


def is_named(record: ImageRecord, in_use: Collection[str]) -> bool:
    """Whether somebody names the image, or any of its repository by tag."""
    return record.digest in in_use or record.name in in_use
