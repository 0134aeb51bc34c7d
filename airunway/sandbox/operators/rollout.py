"""How a Deployment goes from its old pods to its new ones: the decisions. Pure but for the clock.

The rules of Kubernetes' own controller: never more than `replicas + maxSurge` pods, never fewer available
ones than `replicas - maxUnavailable`, old pods that do not serve go first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.sandbox.operators.objects import Object, age_seconds, condition, now
from airunway.sandbox.operators.workloads import wanted_replicas

DEFAULT_DEADLINE_SECONDS = 600


@dataclass(frozen=True)
class SetState:
    """A ReplicaSet of the Deployment."""

    name: str
    wanted: int
    ready: int
    replicas: int

    @classmethod
    def of(cls, replica_set: Mapping[str, Any]) -> SetState:
        """Read a ReplicaSet."""
        status: Mapping[str, Any] = replica_set.get("status") or {}
        return cls(
            replica_set["metadata"]["name"],
            wanted_replicas(replica_set),
            int(status.get("readyReplicas") or 0),
            int(status.get("replicas") or 0),
        )

    @classmethod
    def none(cls) -> SetState:
        """Stands for one that was not made: a paused Deployment gets none for its template."""
        return cls("", 0, 0, 0)


def scales(deployment: Mapping[str, Any], new: SetState, old: Sequence[SetState]) -> dict[str, int]:
    """What each ReplicaSet should be scaled to next: name to replicas, only those that change."""
    desired = wanted_replicas(deployment)
    strategy: Mapping[str, Any] = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return _recreate(desired, new, old)
    surge, unavailable = _bounds(strategy.get("rollingUpdate") or {}, desired)
    total = new.wanted + sum(entry.wanted for entry in old)
    changes: dict[str, int] = {}
    if new.wanted > desired:
        changes[new.name] = desired
    elif new.wanted < desired:
        room = max(0, desired + surge - total)
        if grown := min(desired - new.wanted, room):
            changes[new.name] = new.wanted + grown
    available = new.ready + sum(entry.ready for entry in old)
    # Old pods that do not serve cost no availability; serving ones may go while enough others serve.
    spare = max(0, available - (desired - unavailable))
    for entry in old:
        broken = max(0, entry.wanted - entry.ready)
        serving = min(spare, entry.wanted - broken)
        spare -= serving
        if broken + serving:
            changes[entry.name] = entry.wanted - broken - serving
    return changes


def scales_while_paused(deployment: Mapping[str, Any], sets: Sequence[SetState]) -> dict[str, int]:
    """What each ReplicaSet should be scaled to while nothing rolls. `sets`: the newest first.

    Only a changed number of replicas still counts, and only where no roll-out was cut in two: Kubernetes
    would then share the difference among both sides, we leave them as they are.
    """
    active = [entry for entry in sets if entry.wanted] or list(sets[:1])
    desired = wanted_replicas(deployment)
    if len(active) != 1 or active[0].wanted == desired:
        return {}
    return {active[0].name: desired}


def _recreate(desired: int, new: SetState, old: Sequence[SetState]) -> dict[str, int]:
    down = {entry.name: 0 for entry in old if entry.wanted}
    if down or any(entry.replicas for entry in old) or new.wanted == desired:
        return down
    return {new.name: desired}


def _bounds(rolling: Mapping[str, Any], desired: int) -> tuple[int, int]:
    surge = _share(rolling.get("maxSurge", "25%"), desired, math.ceil)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), desired, math.floor)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _share(value: Any, desired: int, rounding: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return int(rounding(desired * float(value[:-1]) / 100))
    return int(value)


def status_of(deployment: Mapping[str, Any], new: SetState, old: Sequence[SetState], failure: str) -> Object:
    """The Deployment's status. `failure`: why the new pods cannot be created, empty when they can."""
    desired = wanted_replicas(deployment)
    _, unavailable = _bounds((deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}, desired)
    ready = new.ready + sum(entry.ready for entry in old)
    total = new.replicas + sum(entry.replicas for entry in old)
    complete = new.replicas == new.ready == total == desired
    conditions = [_available(ready >= desired - unavailable), _progressing(deployment, new, old, complete)]
    if failure:
        conditions.append(_condition("ReplicaFailure", True, "FailedCreate", failure))
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": total,
        "updatedReplicas": new.replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, total - ready) or None,
        "conditions": [_timed(deployment, entry) for entry in conditions],
    }


def _available(enough: bool) -> Object:
    if enough:
        return _condition(
            "Available", True, "MinimumReplicasAvailable", "Deployment has minimum availability."
        )
    return _condition(
        "Available", False, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    )


def _progressing(
    deployment: Mapping[str, Any], new: SetState, old: Sequence[SetState], complete: bool
) -> Object:
    known = condition(deployment, "Progressing")
    if deployment["spec"].get("paused"):
        if known is not None and known["reason"] == "ProgressDeadlineExceeded":
            return dict(known)
        return {
            **_condition("Progressing", True, "DeploymentPaused", "Deployment is paused"),
            "status": "Unknown",
        }
    subject = f'ReplicaSet "{new.name}"'
    if complete:
        words = f"{subject} has successfully progressed."
        return _condition("Progressing", True, "NewReplicaSetAvailable", words)
    if known is not None and not _moved(deployment, new, old):
        if known["reason"] == "ProgressDeadlineExceeded":
            return dict(known)
        deadline = deployment["spec"].get("progressDeadlineSeconds", DEFAULT_DEADLINE_SECONDS)
        # Complete before, now short of a pod: not a roll-out, so no deadline runs.
        if known["reason"] == "NewReplicaSetAvailable":
            return dict(known)
        if age_seconds(known["lastUpdateTime"]) > deadline:
            words = f"{subject} has timed out progressing."
            return _condition("Progressing", False, "ProgressDeadlineExceeded", words)
        return dict(known)
    reason = "ReplicaSetUpdated" if new.replicas else "NewReplicaSetCreated"
    return {
        **_condition("Progressing", True, reason, f"{subject} is progressing."),
        "lastUpdateTime": now(),
    }


def _moved(deployment: Mapping[str, Any], new: SetState, old: Sequence[SetState]) -> bool:
    """Whether the roll-out came further since the last status."""
    status: Mapping[str, Any] = deployment.get("status") or {}
    if status.get("observedGeneration") != deployment["metadata"]["generation"]:
        return True
    before_old = int(status.get("replicas") or 0) - int(status.get("updatedReplicas") or 0)
    return (
        new.replicas > int(status.get("updatedReplicas") or 0)
        or new.ready + sum(entry.ready for entry in old) > int(status.get("readyReplicas") or 0)
        or sum(entry.replicas for entry in old) < before_old
    )


def _condition(name: str, value: bool, reason: str, message: str) -> Object:
    return {"type": name, "status": str(value), "reason": reason, "message": message}


def _timed(deployment: Mapping[str, Any], entry: Object) -> Object:
    known = condition(deployment, entry["type"])
    at = now()
    same = known is not None and all(
        known.get(key) == entry.get(key) for key in ("status", "reason", "message")
    )
    updated = entry.get("lastUpdateTime") or (known["lastUpdateTime"] if known and same else at)
    flipped = known is None or known["status"] != entry["status"]
    since = at if flipped or known is None else known["lastTransitionTime"]
    return {**entry, "lastUpdateTime": updated, "lastTransitionTime": since}
