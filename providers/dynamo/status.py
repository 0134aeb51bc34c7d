"""Read the state of a DynamoGraphDeployment. Pure. Source: dynamo.md §12, weak spots 5, 15 and 16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider import (
    NO_CONDITION,
    UpstreamCondition,
    conditions_at,
    first_cause,
    is_observed,
    mapping_at,
    name_of,
    text_at,
)
from airunway.providers.dynamo.config import GRAPH
from airunway.providers.dynamo.graph_parts import FRONTEND, graph_parts

PORT = 8000

_PHASES = {
    "successful": Phase.RUNNING,
    "failed": Phase.FAILED,
    "initializing": Phase.DEPLOYING,
    "deploying": Phase.DEPLOYING,
}
"""Every other state is Pending."""

_READY, _AVAILABLE = "readyReplicas", "availableReplicas"


def read_status(graph: Mapping[str, Any]) -> UnifiedStatus:
    """The graph's state; a state that belongs to an earlier generation is still being rolled out.

    Raises ValueError when the status or its state is not readable.
    """
    name = name_of(graph)
    if graph.get("status") is None:
        return UnifiedStatus(phase=Phase.PENDING, resource_name=name, resource_kind=GRAPH.kind)
    status = mapping_at(graph, "status")
    phase = _PHASES.get(text_at(status, "state"), Phase.PENDING)
    replicas = _replicas(status)
    message = _text(status, "message")
    contradiction = _contradiction(status)
    if phase in (Phase.RUNNING, Phase.FAILED) and not is_observed(graph):
        phase, message = Phase.DEPLOYING, "Dynamo has not taken up the latest change yet"
    elif phase is Phase.FAILED:
        message = message or _cause(status) or "Dynamo reports that the deployment failed, without a cause"
    elif phase is Phase.RUNNING and contradiction:
        phase, message = Phase.DEPLOYING, contradiction
    elif phase is Phase.RUNNING:
        message = message or _missing(replicas)
    else:
        message = message or _cause(status)
    return UnifiedStatus(
        phase=phase,
        message=message,
        replicas=replicas,
        endpoint=_endpoint(graph, status, name=name),
        resource_name=name,
        resource_kind=GRAPH.kind,
        roles=tuple(part for part, entry in graph_parts(graph).items() if entry.replicas > 0),
    )


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _cause(status: Mapping[str, Any]) -> str:
    """Why it does not serve: what the status calls an error, else its first condition that is not True."""
    return _text(status, "error") or first_cause(_conditions(status).values())


def _conditions(status: Mapping[str, Any]) -> Mapping[str, UpstreamCondition]:
    try:
        return conditions_at(status, "conditions")
    except ValueError:
        return {}


def _contradiction(status: Mapping[str, Any]) -> str:
    """What in the status says that the graph does not serve, whatever its state; empty: nothing."""
    ready = _conditions(status).get("Ready", NO_CONDITION)
    if ready.is_false:
        return ready.words or "the graph's condition Ready is False"
    for name, entry in _reported(status).items():
        wanted = _count(entry, "replicas") if isinstance(entry, Mapping) else None
        if wanted and not _first(_count(entry, _READY), _count(entry, _AVAILABLE)):
            return f"0 of {wanted} replicas of service {name} are ready"
    return ""


def _reported(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of each service, which v1beta1 calls components."""
    found = status.get("components", status.get("services"))
    return found if isinstance(found, Mapping) else {}


def _missing(replicas: ReplicaStatus) -> str:
    ready, desired = replicas.ready or 0, replicas.desired or 0
    return f"{ready} of {desired} replicas are ready" if 0 < ready < desired else ""


def _replicas(status: Mapping[str, Any]) -> ReplicaStatus:
    """Sums over all services, picker and frontend included; counts of the whole graph win.

    Scaling groups of several nodes report no ready count, so each of ready and available stands in for
    the other.
    """
    entries = _reported(status).values()
    desired = ready = available = 0
    for entry in entries:
        if isinstance(entry, Mapping):
            desired += _count(entry, "replicas") or 0
            ready += _first(_count(entry, _READY), _count(entry, _AVAILABLE))
            available += _first(_count(entry, _AVAILABLE), _count(entry, _READY))
    return ReplicaStatus(
        desired=_first(_count(status, "desiredReplicas"), desired),
        ready=_first(_count(status, _READY), ready),
        available=_first(_count(status, _AVAILABLE), available),
    )


def _count(parent: Mapping[str, Any], key: str) -> int | None:
    value = parent.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(*counts: int | None) -> int:
    return next((count for count in counts if count is not None), 0)


def _endpoint(graph: Mapping[str, Any], status: Mapping[str, Any], *, name: str) -> EndpointStatus | None:
    """The Service of the frontend; None for a graph that has no frontend and names no Service."""
    given = status.get("endpoint")
    endpoint = given if isinstance(given, Mapping) else {}
    service = _text(endpoint, "service")
    if not service and not _has_frontend(graph):
        return None
    return EndpointStatus(service=service or f"{name}-frontend", port=_first(_count(endpoint, "port"), PORT))


def _has_frontend(graph: Mapping[str, Any]) -> bool:
    """Whether a service is a frontend; a graph without services in sight counts as if one was."""
    parts = graph_parts(graph)
    return not parts or any(part.kind == FRONTEND for part in parts.values())
