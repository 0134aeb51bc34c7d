"""Read the state of a Workspace. Pure. Source: kaito.md §11, §15."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider import (
    NO_CONDITION,
    UpstreamCondition,
    conditions_at,
    count_at,
    first_cause,
    is_observed,
    mapping_at,
    name_of,
)

SERVICE_PORT = 80
SUCCEEDED = "WorkspaceSucceeded"
RESOURCE_READY = "ResourceReady"
INFERENCE_READY = "InferenceReady"
BENCHMARK_FAILED = "BenchmarkFailed"
"""Reason of KAITO 0.12, which measures a preset once it is ready."""

Conditions = Mapping[str, UpstreamCondition]

_PHASES = {
    "Ready": Phase.RUNNING,
    "Succeeded": Phase.RUNNING,
    "NotReady": Phase.DEPLOYING,
    "Running": Phase.DEPLOYING,
    "Failed": Phase.FAILED,
    "Pending": Phase.PENDING,
}


def read_status(workspace: Mapping[str, Any]) -> UnifiedStatus:
    """The Workspace's state; a state that belongs to an earlier generation is still being rolled out.

    A Workspace tells how many replicas it wants, and not how many are ready: pods are counted.
    KAITO writes no condition again that only its observedGeneration would change, so that field cannot
    tell whether a condition is current; `status.observedGeneration` can, where it is present.
    """
    given = mapping_at(workspace, "status").get("state")
    state = given if isinstance(given, str) else ""  # of another type it says nothing (kaito.md §11)
    conditions = conditions_at(workspace, "status", "conditions")
    name = name_of(workspace)
    if not state and not mapping_at(workspace, "status").get("conditions"):
        return UnifiedStatus(phase=Phase.PENDING, resource_name=name, resource_kind="Workspace")
    phase, message = _from_state(state) if state else _from_conditions(conditions)
    if phase is Phase.RUNNING and not is_observed(workspace):
        phase, message = Phase.DEPLOYING, "KAITO has not taken up the latest change yet"
    elif phase is Phase.RUNNING and _is_contradicted(conditions):
        phase = Phase.DEPLOYING
    elif _only_benchmark_failed(conditions) and is_observed(workspace):
        phase, message = Phase.RUNNING, _benchmark_words(conditions)
    if phase is not Phase.RUNNING:
        message = _with_cause(message, _cause(conditions))
    if phase is Phase.FAILED:
        message = message or "KAITO reports that the Workspace failed, without a cause"
    desired = count_at(workspace, "resource", "count")
    return UnifiedStatus(
        phase=phase,
        message=message,
        replicas=ReplicaStatus(desired=desired),
        endpoint=EndpointStatus(service=name, port=SERVICE_PORT),
        resource_name=name,
        resource_kind="Workspace",
    )


def _from_state(state: str) -> tuple[Phase, str]:
    phase = _PHASES.get(state)
    if phase is None:
        return Phase.PENDING, f"KAITO reports the unknown state {state!r}"
    return phase, "the Workspace is fine-tuning" if state == "Running" else ""


def _from_conditions(conditions: Conditions) -> tuple[Phase, str]:
    succeeded = conditions.get(SUCCEEDED, NO_CONDITION)
    if succeeded.is_true:
        return Phase.RUNNING, ""
    if succeeded.is_false:
        return Phase.FAILED, succeeded.message
    resource = conditions.get(RESOURCE_READY, NO_CONDITION)
    if resource.is_true and not conditions.get(INFERENCE_READY, NO_CONDITION).is_true:
        return Phase.DEPLOYING, ""
    return Phase.PENDING, ""


def _cause(conditions: Conditions) -> str:
    """What is said by the first condition that is not True: the nodes come before the pods that need them."""
    later = (SUCCEEDED, INFERENCE_READY)
    ordered = [entry for kind, entry in conditions.items() if kind not in later]
    ordered += [conditions[kind] for kind in reversed(later) if kind in conditions]
    return first_cause(ordered)


def _with_cause(message: str, cause: str) -> str:
    return f"{message}: {cause}" if message and cause and cause not in message else message or cause


def _only_benchmark_failed(conditions: Conditions) -> bool:
    """Whether nodes and pods are ready, and all that KAITO says against it is that measuring failed.

    It calls such a Workspace not ready, for good; but a model that could not be measured serves all the same.
    """
    ready = all(conditions.get(kind, NO_CONDITION).is_true for kind in (RESOURCE_READY, INFERENCE_READY))
    said = conditions.get(SUCCEEDED, NO_CONDITION)
    return ready and said.is_false and said.reason == BENCHMARK_FAILED


def _benchmark_words(conditions: Conditions) -> str:
    cause = conditions.get(SUCCEEDED, NO_CONDITION).message
    return (
        f"the model serves, but KAITO's benchmark failed: {cause}"
        if cause
        else ("the model serves, but KAITO's benchmark failed")
    )


def _is_contradicted(conditions: Conditions) -> bool:
    """Whether a condition says that what a Workspace needs to serve is not there."""
    needed = (RESOURCE_READY, INFERENCE_READY, SUCCEEDED)
    return any(conditions.get(kind, NO_CONDITION).is_false for kind in needed)
