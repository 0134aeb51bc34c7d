"""Read the state of a RayService. Pure. Source: kuberay.md §9, weak spots 1, 2 and 10.

A RayService has the cluster that serves (active) and, while a change is rolled out, the one that will
(pending). Each reports its Ray Serve applications.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
)
from airunway.providers.kuberay.clusters import ACTIVE, PENDING, serving_groups
from airunway.providers.kuberay.config import RAY_SERVICE

SERVICE_PORT = 8000
READY_CONDITIONS = ("RayServiceReady", "Ready")
"""The name that AI Runway expects, and the one that KubeRay 1.3 and later writes."""
UPGRADING = "UpgradeInProgress"
UNHEALTHY = "UNHEALTHY"

_COUNTED = ("state", "lastUpdateTime", "observedGeneration", "conditions", "desiredWorkerReplicas")
"""What the status of a RayCluster has, or one of these, once KubeRay looked at its pods."""


@dataclass(frozen=True)
class Application:
    """A Ray Serve application; empty texts for what it does not say."""

    status: str
    message: str

    @property
    def is_running(self) -> bool:
        """Whether all its deployments are healthy."""
        return self.status == "RUNNING"

    @property
    def has_failed(self) -> bool:
        """Whether Ray Serve gave it up."""
        return self.status == "DEPLOY_FAILED"


Applications = list[Application]


def read_status(service: Mapping[str, Any]) -> UnifiedStatus:
    """The RayService's state. While a change is rolled out it is Deploying, also when the old one serves.

    Workers are counted as the cluster that serves has them, also while another one comes up that is asked for
    others. Where KubeRay counts none that are ready, their pods are counted.
    """
    conditions = conditions_at(service, "status", "conditions")
    active, pending = _applications(service, ACTIVE), _applications(service, PENDING)
    phase, message = _state(service, conditions, active, pending)
    name = name_of(service)
    return UnifiedStatus(
        phase=phase,
        message=message,
        replicas=_workers(service),
        endpoint=EndpointStatus(service=f"{name}-serve-svc", port=SERVICE_PORT),
        resource_name=name,
        resource_kind=RAY_SERVICE.kind,
        roles=tuple(serving_groups(service)),
    )


def _state(
    service: Mapping[str, Any],
    conditions: Mapping[str, UpstreamCondition],
    active: Applications,
    pending: Applications,
) -> tuple[Phase, str]:
    phase, message = _serving(_ready_condition(conditions), active)
    is_upgrading = conditions.get(UPGRADING, NO_CONDITION).is_true or _has_pending(service)
    if any(entry.has_failed for entry in pending) and phase is not Phase.FAILED:
        prefix = "the roll-out failed, the previous version still serves: " if phase is Phase.RUNNING else ""
        phase, message = Phase.FAILED, prefix + (_cause(pending, failed=True) or message or _NO_CAUSE)
    elif phase is Phase.RUNNING and _is_suspended(service):
        phase, message = Phase.DEPLOYING, "the Ray cluster is suspended, and has no pods"
    elif phase is Phase.RUNNING and is_upgrading:
        phase = Phase.DEPLOYING
        message = "the latest change is being rolled out; the previous version still serves"
    if phase in (Phase.RUNNING, Phase.FAILED) and not is_observed(service):
        return Phase.DEPLOYING, "KubeRay has not taken up the latest change yet"
    if phase in (Phase.PENDING, Phase.DEPLOYING):
        message = message or _cause(active) or _cause(pending) or _cluster_cause(service)
        message = message or first_cause(conditions.values())
    return phase, message


_NO_CAUSE = "Ray Serve reports that an application failed to deploy, without a cause"


def _serving(ready: UpstreamCondition, active: Applications) -> tuple[Phase, str]:
    """What the condition and the active applications say; the applications know better (kuberay.md §9)."""
    message = ready.words if ready.is_false else ""
    if any(entry.has_failed for entry in active):
        return Phase.FAILED, _cause(active, failed=True) or message or _NO_CAUSE
    if active:
        # KubeRay's own condition also looks at the endpoints, so its False outweighs running applications.
        serves = all(entry.is_running for entry in active) and not ready.is_false
        return (Phase.RUNNING if serves else Phase.DEPLOYING), message
    if ready.is_true:
        return Phase.RUNNING, ""
    return (Phase.DEPLOYING if ready.is_false else Phase.PENDING), message


def _ready_condition(conditions: Mapping[str, UpstreamCondition]) -> UpstreamCondition:
    found = (conditions.get(name, NO_CONDITION) for name in READY_CONDITIONS)
    return next((entry for entry in found if entry.is_true or entry.is_false), NO_CONDITION)


def _cause(applications: Applications, *, failed: bool = False) -> str:
    """The first message, by application name, of those that do not run, or only of those that failed."""
    return next(
        (
            entry.message
            for entry in applications
            if entry.message and not entry.is_running and (entry.has_failed or not failed)
        ),
        "",
    )


def _cluster_cause(service: Mapping[str, Any]) -> str:
    """What the Ray clusters say of themselves: pods that cannot be made, or are not there yet."""
    for which in (PENDING, ACTIVE):
        cluster = _map(_cluster(service, which).get("rayClusterStatus"))
        try:
            conditions = conditions_at(cluster, "conditions")
        except ValueError:
            conditions = {}
        failure = conditions.pop("ReplicaFailure", NO_CONDITION)
        # Its reason stays until all pods run, whatever became of what it names; a condition goes with that.
        said = (
            failure.words
            if failure.is_true
            else ""
            if "conditions" in cluster
            else _text(cluster.get("reason"))
        )
        said = said or first_cause(conditions.values())
        if said:
            return said
    return ""


def _workers(service: Mapping[str, Any]) -> ReplicaStatus:
    """As the cluster that serves counts its workers, and what is asked for where there is none.

    KubeRay leaves out a count of zero; that it has counted shows by what else is there.
    """
    cluster = _map(_cluster(service, ACTIVE).get("rayClusterStatus"))
    zero = 0 if any(key in cluster for key in _COUNTED) else None
    desired, ready, available = (
        _count(cluster.get(f"{what}WorkerReplicas"), zero) for what in ("desired", "ready", "available")
    )
    if "readyWorkerReplicas" not in cluster and "availableWorkerReplicas" in cluster:
        ready = available
    elif "availableWorkerReplicas" not in cluster:
        available = ready
    if desired is None:
        return ReplicaStatus(desired=_asked_workers(service), ready=ready, available=available)
    # A pod that is on its way out is counted until it is gone.
    return ReplicaStatus(
        desired=desired, ready=_at_most(desired, ready), available=_at_most(desired, available)
    )


def _count(value: Any, zero: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else zero


def _at_most(most: int, count: int | None) -> int | None:
    return None if count is None else min(most, count)


def _applications(service: Mapping[str, Any], cluster: str) -> Applications:
    """The applications of one cluster, by name; entries and maps of another shape are skipped."""
    found = _map(_cluster(service, cluster).get("applicationStatuses"))
    return [
        Application(
            status=UNHEALTHY if _has_unhealthy(entry) else _text(entry.get("status")),
            message=_text(entry.get("message")) or _deployment_cause(entry),
        )
        for _, entry in sorted(found.items())
        if isinstance(entry, Mapping)
    ]


def _has_unhealthy(application: Mapping[str, Any]) -> bool:
    """Whether an application is said to run, and one of its deployments not to be healthy."""
    deployments = _map(application.get("serveDeploymentStatuses")).values()
    unhealthy = any(_map(entry).get("status") == UNHEALTHY for entry in deployments)
    return application.get("status") == "RUNNING" and unhealthy


def _is_suspended(service: Mapping[str, Any]) -> bool:
    """Whether the cluster that serves is held back, as a queue for quotas does it."""
    cluster = _map(_cluster(service, ACTIVE).get("rayClusterStatus"))
    return cluster.get("state") == "suspended"


def _deployment_cause(application: Mapping[str, Any]) -> str:
    """The first message of a Serve deployment that is not healthy, by name."""
    deployments = _map(application.get("serveDeploymentStatuses"))
    return next(_messages(deployments), "")


def _messages(deployments: Mapping[str, Any]) -> Iterator[str]:
    for _, entry in sorted(deployments.items()):
        if isinstance(entry, Mapping) and entry.get("status") != "HEALTHY" and _text(entry.get("message")):
            yield _text(entry.get("message"))


def _has_pending(service: Mapping[str, Any]) -> bool:
    cluster = _cluster(service, PENDING)
    return bool(cluster.get("applicationStatuses") or cluster.get("rayClusterName"))


def _cluster(service: Mapping[str, Any], cluster: str) -> Mapping[str, Any]:
    return _map(mapping_at(service, "status").get(cluster))


def _asked_workers(service: Mapping[str, Any]) -> int:
    groups = _map(_map(service.get("spec")).get("rayClusterConfig")).get("workerGroupSpecs")
    counts = [_map(group).get("replicas") for group in groups] if isinstance(groups, list) else []
    return sum(count for count in counts if isinstance(count, int) and not isinstance(count, bool))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
