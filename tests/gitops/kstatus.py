"""What kstatus makes of a custom resource: its generic rules, written again as a test oracle.

Source: sigs.k8s.io/cli-utils, pkg/kstatus/status (`checkGenericProperties`, `checkGeneration`,
`checkReadyCondition`). Flux, `kubectl` plug-ins, Config Sync and cli-utils itself wait by these rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Obj = Mapping[str, Any]


class Status(StrEnum):
    """kstatus' own words."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


def compute(obj: Obj, *, looks_at_ready: bool = True) -> Status:
    """The status of an object. Releases before 0.29 do not look at `Ready`: `looks_at_ready` False."""
    meta, status = obj["metadata"], obj.get("status") or {}
    if meta.get("deletionTimestamp"):
        return Status.TERMINATING
    if "observedGeneration" in status and status["observedGeneration"] != meta.get("generation"):
        return Status.IN_PROGRESS
    conditions = status.get("conditions") or []
    for entry in conditions:  # the first that is True decides
        if entry["type"] == "Reconciling" and entry["status"] == "True":
            return Status.IN_PROGRESS
        if entry["type"] == "Stalled" and entry["status"] == "True":
            return Status.FAILED
    ready = next((entry["status"] for entry in conditions if entry["type"] == "Ready"), "True")
    return Status.CURRENT if ready == "True" or not looks_at_ready else Status.IN_PROGRESS


def serves_what_is_asked(obj: Obj) -> bool:
    """Whether a ModelDeployment is what `Current` would say of it, by its phase and its condition Ready."""
    meta, status = obj["metadata"], obj.get("status") or {}
    ready = next((entry for entry in status.get("conditions") or [] if entry["type"] == "Ready"), {})
    return (
        not meta.get("deletionTimestamp")
        and status.get("observedGeneration") == meta["generation"] == ready.get("observedGeneration")
        and (status.get("phase"), ready.get("status")) == ("Running", "True")
    )


def has_failed(obj: Obj) -> bool:
    """Whether a ModelDeployment says by its phase that its present generation failed."""
    meta, status = obj["metadata"], obj.get("status") or {}
    is_observed = status.get("observedGeneration") == meta["generation"]
    return is_observed and not meta.get("deletionTimestamp") and status.get("phase") == "Failed"


def speaks_of_an_earlier(obj: Obj) -> bool:
    """Whether the phase is that of what was accepted before, and goes on although the last edit failed."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    ready = next((entry for entry in conditions if entry["type"] == "Ready"), {})
    return ready.get("observedGeneration", 0) < obj["metadata"]["generation"]


def wrong_failures_of(obj: Obj) -> list[str]:
    """Where phase and kstatus differ about a failure; empty when nowhere."""
    told = compute(obj) is Status.FAILED
    if told is has_failed(obj) or (told and speaks_of_an_earlier(obj)):
        return []
    return [f"kstatus says {compute(obj)}, the phase says failed: {has_failed(obj)}; {obj}"]


def lies_of(obj: Obj) -> list[str]:
    """What the tools would say wrongly of a state; empty when nothing."""
    told = {kind: compute(obj, looks_at_ready=kind == "new") for kind in ("new", "old")}
    serves = serves_what_is_asked(obj)
    wrong = [kind for kind, status in told.items() if (status is Status.CURRENT) is not serves]
    finished = [f"{kind} kstatus says {told[kind]}, serves what is asked: {serves}; {obj}" for kind in wrong]
    return [*finished, *wrong_failures_of(obj)]
