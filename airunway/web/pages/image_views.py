"""Builds of model images, and what the registry holds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from airunway.api.names import PAUSED, is_paused
from airunway.api.plain_text import beginning
from airunway.console.build_heartbeat import build_heartbeat
from airunway.console.links import BUILDING
from airunway.console.queries import literal
from airunway.console.rows import age
from airunway.messages.deployment_state import IMAGE_BUILDING, MODEL_IMAGE_READY
from airunway.messages.model_image_workflow import ModelImageView
from airunway.modelimage.plan import human_bytes
from airunway.modelimage.records import ImageRecord, RecordState
from airunway.web.pages.lenient import MAX_BEGINNING, condition_in, map_of
from airunway.workflows.model_image.details import percent, progress_words

STATE_SECONDS = 2.0
MAX_BUILDS = 50
VISIBLE_AFTER = timedelta(seconds=5)
"""A build that began is found by then: visibility is a second behind."""
Place = tuple[str, str]
"""Namespace and name of a deployment."""


@dataclass(frozen=True)
class ShownBuild:
    """A build that is under way. `percent` None: the builder does not count."""

    workflow_id: str
    model: str
    phase: str
    words: str
    percent: int | None
    waiting: tuple[Place, ...]
    """Those of it whom the caller may see."""
    hidden: int = 0
    """How many others wait."""


@dataclass(frozen=True)
class FailedImage:
    """A deployment whose image did not come about. `why_not`: why it cannot be built again now."""

    namespace: str
    name: str
    reason: str
    message: str
    why_not: str = ""


@dataclass(frozen=True)
class KeptImage:
    """An image in the registry, and whether it may go."""

    name: str
    digest: str
    size: str
    namespace: str
    used: str
    fate: str


async def read_builds(
    client: Client, cluster: str, visible: Collection[Place]
) -> tuple[list[ShownBuild], frozenset[str] | None]:
    """The builds of a cluster for which one of `visible` waits, and the identities of all that are wanted.

    None: more run than are read. Raises RPCError.
    """
    query = f"{BUILDING} AND WorkflowId STARTS_WITH {literal(f'image/{cluster}/')}"
    ids = []
    async for execution in client.list_workflows(query, limit=MAX_BUILDS):
        ids.append(execution.id)
    found = await asyncio.gather(*(_view_of(client, workflow_id) for workflow_id in sorted(ids)))
    builds = (_build(workflow_id, view, visible) for workflow_id, view in found if view is not None)
    wanted = (_identity(workflow_id) for workflow_id, view in found if view is None or view.waiting)
    return [build for build in builds if build.waiting], None if len(ids) == MAX_BUILDS else frozenset(wanted)


def _identity(workflow_id: str) -> str:
    """Of the image of a workflow id: what its record is kept by."""
    return workflow_id.rpartition("/")[2]


async def _view_of(client: Client, workflow_id: str) -> tuple[str, ModelImageView | None]:
    handle = client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(STATE_SECONDS):
            view: ModelImageView = await handle.query("state", result_type=ModelImageView)
            if progress := await build_heartbeat(client, workflow_id):
                view.report.progress = progress
            return workflow_id, view
    except (RPCError, TemporalError, TimeoutError, ValueError):
        return workflow_id, None


def _build(workflow_id: str, view: ModelImageView, visible: Collection[Place]) -> ShownBuild:
    waiting = [place_of(entry) for entry in view.waiting]
    seen = tuple(sorted(place for place in waiting if place in visible))
    progress = view.report.progress
    return ShownBuild(
        workflow_id=workflow_id,
        model="/".join(workflow_id.split("/")[2:-1]),
        phase=view.report.phase.value,
        words=progress_words(progress),
        percent=percent(progress) if progress.total_bytes and progress.done_bytes else None,
        waiting=seen,
        hidden=len(waiting) - len(seen),
    )


def place_of(workflow_id: str) -> Place:
    """The deployment of a workflow id; empty texts for what is none."""
    parts = workflow_id.split("/")
    is_one = len(parts) == 4 and parts[0] == "modeldeployment"
    return (parts[2], parts[3]) if is_one else ("", "")


def failed_images(objects: Iterable[Mapping[str, Any]]) -> list[FailedImage]:
    """Deployments whose image was not built, and whose build is not under way."""
    found = []
    for obj in objects:
        said = condition_in(obj, MODEL_IMAGE_READY)
        reason = str(said.get("reason") or "")
        if said.get("status") == "False" and reason != IMAGE_BUILDING:
            meta = obj["metadata"]
            message = str(said.get("message") or "")
            place = str(meta.get("namespace")), str(meta["name"])
            found.append(FailedImage(*place, reason, beginning(message, MAX_BEGINNING), _no_retry(obj)))
    return sorted(found, key=lambda entry: (entry.namespace, entry.name))


def _no_retry(obj: Mapping[str, Any]) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    is_held = is_paused(obj["metadata"]) or condition_in(obj, PAUSED).get("status") == "True"
    return "it is paused" if is_held else ""


def kept_images(
    records: Mapping[str, ImageRecord],
    objects: Iterable[Mapping[str, Any]],
    *,
    retention: timedelta,
    wanted: Collection[str] | None = None,
) -> list[KeptImage]:
    """What is in the registry, the longest unused first. `objects`: all deployments, who use images.

    `wanted`: identities of the builds that somebody waits for; None: not known.
    """
    in_use = {str(map_of(map_of(obj.get("status")).get("image")).get("digest") or "") for obj in objects}
    in_use.discard("")
    now = datetime.now(UTC)
    return [
        KeptImage(
            name=record.name,
            digest=record.digest,
            size=human_bytes(record.bytes),
            namespace=record.namespace,
            used=age(record.used, now=now),
            fate=_fate(
                record,
                is_used=bool(record.digest) and record.digest in in_use,
                is_wanted=wanted is None or identity in wanted,
                now=now,
                retention=retention,
            ),
        )
        for identity, record in sorted(records.items(), key=lambda entry: entry[1].used)
    ]


def _fate(record: ImageRecord, *, is_used: bool, is_wanted: bool, now: datetime, retention: timedelta) -> str:
    if record.is_being_built(now):
        is_young = now - record.since < VISIBLE_AFTER
        return "is being built" if is_wanted or is_young else "was being built; nobody waits for it any more"
    if record.state is RecordState.REMOVING:
        return "is being removed"
    if is_used:
        return "stays: a deployment uses it"
    if now - record.used >= retention:
        return "may go: nobody has wanted it for long"
    return f"stays until {(record.used + retention):%Y-%m-%d}, or until its room is needed"
