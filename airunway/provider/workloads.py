"""Read the state of an `apps/v1` Deployment as a model server. Pure; shared by vllm and llmd.

Running means that the *current* generation is rolled out. The reference looks at the condition Available
alone (vllm.md §12), which stays True while a new version fails beside the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.reading import (
    NO_CONDITION,
    UpstreamCondition,
    conditions_at,
    count_at,
    first_cause,
    is_observed,
    mapping_at,
    name_of,
)

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
ROLLING_REASONS = frozenset({"NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"})
"""Reasons of `Progressing=True` before the new ReplicaSet is complete."""

Conditions = Mapping[str, UpstreamCondition]


def deployment_status(workload: Mapping[str, Any], *, port: int) -> UnifiedStatus:
    """The Deployment's state; `port` is that of its Service, which has the Deployment's name.

    Its pods are a role by that name, where several Deployments serve together.
    """
    conditions = conditions_at(workload, "status", "conditions")
    desired = count_at(workload, "spec", "replicas")
    ready = count_at(workload, "status", "readyReplicas")
    name = name_of(workload)
    phase, message = _state(workload, conditions, desired=desired, ready=ready)
    return UnifiedStatus(
        phase=phase,
        message=message,
        replicas=ReplicaStatus(
            desired=desired, ready=ready, available=count_at(workload, "status", "availableReplicas")
        ),
        endpoint=EndpointStatus(service=name, port=port),
        resource_name=name,
        resource_kind="Deployment",
        roles=(name,) if desired else (),
    )


def _state(
    workload: Mapping[str, Any], conditions: Conditions, *, desired: int, ready: int
) -> tuple[Phase, str]:
    available = conditions.get(AVAILABLE, NO_CONDITION)
    progressing = conditions.get(PROGRESSING, NO_CONDITION)
    failure = conditions.get(REPLICA_FAILURE, NO_CONDITION)
    trouble = failure.message if failure.is_true else ""
    if not is_observed(workload):
        return Phase.DEPLOYING, "the Deployment controller has not seen the latest change yet"
    if progressing.is_false and progressing.reason == DEADLINE_EXCEEDED:
        return Phase.FAILED, _failed_roll_out(progressing, trouble, serving=available.is_true)
    if available.is_true:
        waiting = _waiting_for(workload, progressing, desired=desired, ready=ready)
        if waiting:
            return Phase.DEPLOYING, trouble or waiting
        missing = f"{ready} of {desired} replicas are ready" if 0 < ready < desired else ""
        return Phase.RUNNING, trouble or missing
    said = trouble or (available.words if available.is_false else "")
    if progressing.is_true:
        return Phase.DEPLOYING, said or progressing.message
    if available.is_false and available.message:
        return Phase.FAILED, said
    return Phase.PENDING, said or first_cause(conditions.values())


def _failed_roll_out(progressing: UpstreamCondition, trouble: str, *, serving: bool) -> str:
    cause = trouble or progressing.message or "the roll-out made no progress in time"
    return f"the roll-out failed, the previous version still serves: {cause}" if serving else cause


def _waiting_for(
    workload: Mapping[str, Any], progressing: UpstreamCondition, *, desired: int, ready: int
) -> str:
    """What an available Deployment still waits for; empty when its latest version is rolled out."""
    updated = mapping_at(workload, "status").get("updatedReplicas")
    if isinstance(updated, int) and updated < desired:
        return f"{updated} of {desired} replicas run the latest change"
    if progressing.is_true and progressing.reason in ROLLING_REASONS:
        return "the latest change is being rolled out"
    return f"0 of {desired} replicas are ready" if desired and not ready else ""
