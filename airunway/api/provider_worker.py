"""Whether a worker of this system serves a provider, as its InferenceProviderConfig says it. Pure.

The annotation with the task queue stays behind where a worker was killed, and a controller of AI Runway's own
kind may have come back since: it writes the whole status anew, but no annotation. So the annotation counts
with a heartbeat of this system only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from airunway.api import names
from airunway.api.heartbeat import last_heartbeat

WORKER_ALIVE = "WorkerAlive"
"""Condition of a config that a worker of this system registered, as long as nobody else wrote the status."""
FOREIGN_BEATS_LAST = timedelta(seconds=180)
"""Where both write, the other's last word does not undo ours before it is so much newer."""


def worker_queue(config: Mapping[str, Any]) -> str:
    """The task queue of a provider's worker, also of one that is away; empty: somebody else serves it."""
    meta, status = config["metadata"], config.get("status") or {}
    annotated = str((meta.get("annotations") or {}).get(names.ANNOTATION_TASK_QUEUE) or "")
    conditions = status.get("conditions") or ()
    if any(isinstance(entry, Mapping) and entry.get("type") == WORKER_ALIVE for entry in conditions):
        return annotated or names.provider_queue(meta["name"])
    entries = [entry for entry in meta.get("managedFields") or () if entry.get("subresource") == "status"]
    ours = _latest(entry for entry in entries if _is_ours(entry, meta["name"]))
    others = _latest(entry for entry in entries if entry.get("manager") in names.FORMER_FIELD_MANAGERS)
    if not annotated or (others is None and not status.get("lastHeartbeat")):
        return annotated  # nobody's heartbeat came yet
    if ours is None or (others is not None and others - ours > FOREIGN_BEATS_LAST):
        return ""
    return annotated


def _is_ours(entry: Mapping[str, Any], provider: str) -> bool:
    return entry.get("operation") == "Apply" and entry.get("manager") == names.field_manager_for(provider)


def _latest(entries: Iterable[Mapping[str, Any]]) -> datetime | None:
    times = (last_heartbeat(entry.get("time")) for entry in entries)
    return max((time for time in times if time is not None), default=None)
