"""What the pods of a deployment say about its readiness, whatever its operator says of them. Pure.

An operator that is down, or slow, goes on saying what was true last. So a main object that says Running is
believed as far as the pods that serve it agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple

from airunway.api.status import Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.reading import map_or_empty, maps_in

NOT_READY = "NotReady"
MAX_NAMED_PODS, MAX_NAMED_ROLES = 3, 4
MAX_ROLE_LENGTH = 63
"""Of a label's value."""
_QUIET = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons of a container that waits as every container does at first."""


class PodState(NamedTuple):
    """What is kept of a pod. `group`: pods that one workload made, which stand in for each other."""

    name: str
    group: str
    is_ready: bool
    is_replica: bool
    """It counts as one of the deployment's replicas."""
    is_over: bool
    """It ended by a failure, and does not come back."""
    trouble: str
    """Why it is not ready, as a condition's reason; empty when nothing says."""
    role: str = ""
    """What its role label says, as `UnifiedStatus.roles` has it; empty: nothing."""
    is_ending: bool = False
    """It is being deleted: it serves nobody, but has what it holds until it is gone."""

    def after(self, before: PodState | None) -> PodState:
        """With the trouble it had before, while it says none: between two crashes a container runs."""
        keeps = before is not None and not self.is_ready and not self.trouble
        return self._replace(trouble=before.trouble) if before is not None and keeps else self


def pod_state(
    pod: Mapping[str, Any], *, replica_labels: Mapping[str, str], role_label: str = ""
) -> PodState | None:
    """The state of a pod; None for one that is done.

    Labels as `Provider` has them.
    """
    meta, status = map_or_empty(pod, "metadata"), map_or_empty(pod, "status")
    phase = status.get("phase")
    if phase == "Succeeded":
        return None
    is_ending = bool(meta.get("deletionTimestamp"))
    is_over = phase == "Failed"
    is_ready = not (is_over or is_ending) and any(
        entry.get("type") == "Ready" and entry.get("status") == "True"
        for entry in maps_in(status.get("conditions"))
    )
    labels = map_or_empty(meta, "labels")
    role = intern(str(labels.get(role_label) or "")) if role_label else ""
    return PodState(
        name=str(meta.get("name") or ""),
        group=_group_of(meta, role),
        is_ready=is_ready,
        is_replica=replica_labels.items() <= labels.items(),
        is_over=is_over,
        trouble="" if is_ready or is_ending else intern(_trouble(status)),
        role=role,
        is_ending=is_ending,
    )


def with_pods(status: UnifiedStatus, pods: Sequence[PodState] | None, *, were_there: bool) -> UnifiedStatus:
    """What the main object says, as far as its pods agree; None: they cannot be seen.

    `were_there`: pods were seen before, so that having none is no matter of labels that nobody sets. A
    count that the object does not give is that of the pods, or zero. Where no replica is asked for, none is
    counted, and what still runs is said.
    """
    serving = [pod for pod in pods or () if not pod.is_ending]
    seen = were_there or bool(serving)
    counted = status.model_copy(update={"replicas": _counted(status, serving), "pods_seen": seen})
    if pods is None or status.phase is not Phase.RUNNING:
        return counted
    unasked = _not_asked_for(status, pods)
    found = _as_they_agree(counted, [pod for pod in serving if pod not in unasked], were_there=were_there)
    if unasked and found.phase is Phase.RUNNING and not found.message:
        words = f"no replica is asked for; still there: {_still(unasked)}"
        return found.model_copy(update={"message": words})
    return found


def _as_they_agree(counted: UnifiedStatus, pods: Sequence[PodState], *, were_there: bool) -> UnifiedStatus:
    if not pods:
        wanted = counted.replicas is None or counted.replicas.desired != 0
        gone = were_there and wanted
        return _not_serving(counted, "none of its pods is there any more") if gone else counted
    absent = _absent_roles(counted.roles, pods)
    if absent:
        return _not_serving(counted, f"none of the pods of {_few(absent)} is there")
    left = list(_without_replaced(pods))
    silent = [pod for pod in left if not _has_ready(pod.group, left)]
    if silent:
        return _not_serving(counted, f"{_in_words(silent[0])}, and no other does its work")
    waiting = [pod for pod in left if not pod.is_ready]
    if waiting and not counted.message:
        words = f"{len(left) - len(waiting)} of {len(left)} pods are ready: {_in_words(waiting[0])}"
        return counted.model_copy(update={"message": words})
    return counted


def needs_pods(status: UnifiedStatus) -> bool:
    """Whether pods are to be looked at: it is said to serve, or its ready replicas are not counted."""
    replicas = status.replicas
    uncounted = replicas is not None and (replicas.ready is None or replicas.available is None)
    return status.phase is Phase.RUNNING or (uncounted and status.phase is not Phase.PENDING)


def _not_serving(status: UnifiedStatus, message: str) -> UnifiedStatus:
    return status.model_copy(update={"phase": Phase.DEPLOYING, "message": message})


def _absent_roles(roles: Sequence[str], pods: Sequence[PodState]) -> list[str]:
    """Roles without a pod. None where no pod tells its role: an operator may label its pods otherwise."""
    there = {pod.role for pod in pods}
    return [role for role in roles if role not in there] if there.intersection(roles) else []


def _not_asked_for(status: UnifiedStatus, pods: Sequence[PodState]) -> list[PodState]:
    """Replicas that are still there though none is asked for; a role that is asked for may have pods."""
    if status.replicas is None or status.replicas.desired != 0:
        return []
    return [pod for pod in pods if pod.is_replica and not pod.is_over and pod.role not in status.roles]


def _still(pods: Sequence[PodState]) -> str:
    more = len(pods) - MAX_NAMED_PODS
    named = [f"pod {pod.name}" + (" (ending)" if pod.is_ending else "") for pod in pods[:MAX_NAMED_PODS]]
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _few(roles: Sequence[str]) -> str:
    more = len(roles) - MAX_NAMED_ROLES
    names = ", ".join(role[:MAX_ROLE_LENGTH] for role in roles[:MAX_NAMED_ROLES])
    return f"{names} and {more} more" if more > 0 else names


def _without_replaced(pods: Sequence[PodState]) -> Iterator[PodState]:
    """Without those that ended, where their workload has another: an evicted pod stays to be looked at."""
    alive = {pod.group for pod in pods if not pod.is_over}
    return (pod for pod in pods if not pod.is_over or pod.group not in alive)


def _has_ready(group: str, pods: Sequence[PodState]) -> bool:
    return any(pod.is_ready for pod in pods if pod.group == group)


def _in_words(pod: PodState) -> str:
    return f"pod {pod.name} is not ready ({pod.trouble or NOT_READY})"


def _counted(status: UnifiedStatus, pods: Sequence[PodState]) -> ReplicaStatus | None:
    replicas = status.replicas
    if replicas is None:
        return None
    ready = sum(pod.is_ready and pod.is_replica for pod in pods)
    of_pods = min(ready, replicas.desired) if replicas.desired is not None else ready
    # A count of the object itself stands while it changes; when it says Running, no more than there is.
    capped = bool(pods) and status.phase is Phase.RUNNING

    def count(said: int | None) -> int:
        if said is None:
            return of_pods
        return min(said, ready) if capped else said

    return replicas.model_copy(
        update={"ready": count(replicas.ready), "available": count(replicas.available)}
    )


# --- one pod -----------------------------------------------------------------------------------------


def _group_of(meta: Mapping[str, Any], role: str) -> str:
    owners = maps_in(meta.get("ownerReferences"))
    owner = next((str(entry.get("uid")) for entry in owners if entry.get("controller")), "")
    # Who was made by nobody is a group of its own: nothing replaces it.
    return intern(f"{owner or meta.get('name')}/{role}")


def _trouble(status: Mapping[str, Any]) -> str:
    if status.get("phase") == "Failed":
        return str(status.get("reason") or "Failed")
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in maps_in(status.get(key)):
            reason = str(map_or_empty(container, "state", "waiting").get("reason") or "")
            if reason not in _QUIET:
                return reason
    for entry in maps_in(status.get("conditions")):
        if entry.get("type") == "PodScheduled" and entry.get("status") == "False":
            return str(entry.get("reason") or "Unschedulable")
    return "NodeLost" if status.get("reason") == "NodeLost" else ""
