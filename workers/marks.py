"""What of a watched object counts as a change. Pure.

The watcher remembers a mark of each object, not its content, and compares: so it tells a change from the echo
of our own writes, and a process that follows thousands of objects stays small.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from airunway.api import names
from airunway.api.adoption import is_status_of_others
from airunway.api.provider_worker import worker_queue
from airunway.clients.kubernetes import Object
from airunway.provider.contract import Provider
from airunway.workers.audit.facts import ObservedUpstream, UpstreamMark, edited_by, packed

STATUS_CHANGED = "status was changed by somebody else"
_COME_AND_GO = frozenset({names.PAUSED, "Reconciling", "Stalled"})
"""Conditions that go with every pause and roll-out, perhaps in the second of the write before."""


@dataclass(frozen=True, slots=True)
class DeploymentMark:
    """What of a deployment its workflow reacts to. `providers`: in spec and status; empty while it waits."""

    uid: str
    generation: int
    deleted: bool
    annotations: int
    providers: frozenset[str]
    failed: bool
    writers: frozenset[str]
    """Others who own something in the status."""
    reported: frozenset[str]
    """Parts of the status that nobody but us takes away."""
    written: str = ""
    """When we last changed the status, to the second."""
    phase_of_others: str = ""
    """What a provider controller outside says; empty where this system says it."""

    @classmethod
    def of(cls, obj: Object) -> DeploymentMark:
        """The mark of a deployment."""
        meta, status = obj["metadata"], obj.get("status") or {}
        named = (obj.get("spec", {}).get("provider") or {}).get("name")
        recorded = (status.get("provider") or {}).get("name")
        return cls(
            uid=meta["uid"],
            generation=meta.get("generation", 0),
            deleted="deletionTimestamp" in meta,
            annotations=_digest(meta.get("annotations")),
            providers=frozenset(name for name in (named, recorded) if name),
            failed=status.get("phase") == "Failed",
            writers=frozenset(_status_writers(meta)),
            reported=frozenset(_reported(status)),
            written=_written(meta),
            phase_of_others=_phase_of_others(obj),
        )

    def change_since(self, before: DeploymentMark | None) -> str:
        """What the workflow should react to, in words; empty for the echo of our own status writes."""
        if before is None or before.uid != self.uid:
            return "deployment seen"
        if self.deleted and not before.deleted:
            return "deployment is being deleted"
        if self.generation != before.generation:
            return f"generation {self.generation}"
        if self.annotations != before.annotations:
            return "annotations changed"
        # What goes with a write of ours was taken away by that one.
        is_erased = self.written == before.written and before.reported - self.reported
        if is_erased or self.writers - before.writers:
            return STATUS_CHANGED
        if self.phase_of_others and self.phase_of_others != before.phase_of_others:
            return f"another controller says {self.phase_of_others}"
        return ""


@dataclass(frozen=True, slots=True)
class ConfigMark:
    """What of a provider's config matters to deployments: not each heartbeat."""

    offer: int
    """Digest of its spec."""
    ready: bool
    task_queue: str
    """Empty: a provider controller outside this system serves it."""
    access: str = ""
    """Who may call its models."""

    @classmethod
    def of(cls, obj: Object) -> ConfigMark:
        """The mark of a config."""
        annotations = obj["metadata"].get("annotations") or {}
        return cls(
            offer=_digest(obj.get("spec")),
            ready=bool((obj.get("status") or {}).get("ready")),
            task_queue=worker_queue(obj),
            access=str(annotations.get(names.ANNOTATION_MODEL_ACCESS) or ""),
        )


@dataclass(frozen=True)
class Readers:
    """The providers that may have made an object of a kind."""

    main: Sequence[Provider] = ()
    """It may be their main object."""
    together: Sequence[Provider] = ()
    """They read it beside their main object."""

    def packed(self, obj: Object, kind: str) -> bytes:
        """The object, if one of those wrote it who read several together; lists leave its kind out."""
        managers = {entry.get("manager") for entry in obj["metadata"].get("managedFields") or []}
        wanted = any(provider.field_manager in managers for provider in self.together)
        return packed({**obj, "kind": kind}) if wanted else b""


def upstream_mark(obj: Object, *, kind: str, owner: str, readers: Readers) -> UpstreamMark:
    """What of an upstream object matters: its content, and its status in a deployment's words.

    The raw status changes with every probe and time stamp; the translated one only when it matters.
    """
    meta = obj["metadata"]
    status: Any = obj.get("status")
    facts: list[tuple[str, ObservedUpstream]] = []
    # Unreadable, however a provider fails on it: then every change counts, and its step says why.
    with contextlib.suppress(Exception):
        read = [(reader.name, reader.read_status(obj)) for reader in readers.main]
        facts = [(name, ObservedUpstream.of(unified)) for name, unified in read]
        status = [unified.model_dump(mode="json") for _, unified in read] if read else status
    content = [meta.get("generation"), meta.get("labels"), meta.get("annotations")]
    return UpstreamMark(
        digest=_digest([content, "deletionTimestamp" in meta, status]),
        owner=owner,
        object=(intern(kind), meta["name"]),
        is_being_deleted="deletionTimestamp" in meta,
        edited_by=edited_by(obj) if readers.main else "",
        readings=tuple(facts),
        packed=readers.packed(obj, kind),
    )


def _status_writers(meta: Object) -> Iterator[str]:
    for entry in meta.get("managedFields") or []:
        if entry.get("subresource") == "status" and entry.get("manager") != names.STATUS_FIELD_MANAGER:
            yield str(entry.get("manager"))


def _written(meta: Object) -> str:
    ours = (
        str(entry.get("time", ""))
        for entry in meta.get("managedFields") or []
        if entry.get("subresource") == "status" and entry.get("manager") == names.STATUS_FIELD_MANAGER
    )
    return max(ours, default="")


def _phase_of_others(obj: Object) -> str:
    if not any(_status_writers(obj["metadata"])) or not is_status_of_others(obj):
        return ""
    return intern(str(obj["status"]["phase"]))


def _reported(status: Object) -> Iterator[str]:
    yield from (key for key in ("phase", "provider", "engine") if status.get(key))
    conditions = (str(entry.get("type")) for entry in status.get("conditions") or [])
    yield from (kind for kind in conditions if kind not in _COME_AND_GO)


def _digest(value: Any) -> int:
    return hash(json.dumps(value, sort_keys=True))
