"""The RayClusters of a RayService: their workers have to follow it. Pure.

KubeRay copies the RayService's cluster into a RayCluster when it makes one. Later it compares both without
`replicas`, `minReplicas`, `maxReplicas` and `scaleStrategy.workersToDelete` of the worker groups, which it
leaves to an autoscaler, so another number there reaches no cluster that is there already. Source:
ray-project/kuberay, `GenerateHashWithoutReplicasAndWorkersToDelete` and `rayservice_controller.go`, alike
from 1.3 to 1.7.

The RayService's status has a copy of each cluster's, which KubeRay renews only when something else in that
status changes (`InconsistentRayServiceStatuses`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from airunway.provider import FieldValue, MainObject, OperatorObjects, UpstreamKind, is_observed, mapping_at
from airunway.provider.reading import map_or_empty, maps_in

RAY_CLUSTER = UpstreamKind(api_version="ray.io/v1", kind="RayCluster", plural="rayclusters")
ACTIVE, PENDING = "activeServiceStatus", "pendingServiceStatus"
"""Where a RayService's status has the cluster that serves, and the one that will."""
BOUNDS = ("minReplicas", "maxReplicas")
WORKER_COUNTS = ("replicas", *BOUNDS)
HEAD_GROUP = "headgroup"
"""What KubeRay calls the group of the head."""
_OWN_SPEC = "rayClusterSpec"
"""Where `with_cluster_states` puts what a cluster itself is asked for."""

_IN_PLACE = re.compile(
    r"metadata\b.*|spec\.serveConfigV2"
    rf"|spec\.rayClusterConfig\.workerGroupSpecs\[\d+\]\.({'|'.join(WORKER_COUNTS)})"
)
"""Paths whose change brings up no second cluster."""


def cluster_names(service: Mapping[str, Any]) -> list[str]:
    """The cluster that serves, and the one that comes up."""
    return list(dict.fromkeys(name for which in (ACTIVE, PENDING) if (name := cluster_name(service, which))))


def cluster_name(service: Mapping[str, Any], which: str) -> str:
    """The name of one of them; empty: there is none."""
    name = map_or_empty(service, "status", which).get("rayClusterName")
    return name if isinstance(name, str) else ""


def worker_counts(service: MainObject, cluster: Mapping[str, Any]) -> list[FieldValue]:
    """How many workers each group of a cluster is to have.

    Where Ray's autoscaler runs, it says how many: within our bounds if we asked for it, else within its own.
    A cluster that gives way to another is only made smaller: what it would get, the other one needs.
    """
    asked = map_or_empty(service.wanted, "spec", "rayClusterConfig")
    fields: Sequence[str] = WORKER_COUNTS
    if _is_autoscaled(map_or_empty(cluster, "spec")):
        fields = BOUNDS if _is_autoscaled(asked) else ()
    wanted = {str(group.get("groupName")): group for group in maps_in(asked.get("workerGroupSpecs"))}
    gives_way = _gives_way(service, cluster)
    return [
        value
        for index, group in enumerate(_groups(cluster))
        if (name := str(map_or_empty(group).get("groupName"))) in wanted
        for value in _counts(fields, index, name, map_or_empty(group), wanted[name], gives_way=gives_way)
    ]


def _is_autoscaled(cluster: Mapping[str, Any]) -> bool:
    return cluster.get("enableInTreeAutoscaling") is True


def _counts(
    fields: Sequence[str],
    index: int,
    name: str,
    group: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    gives_way: bool,
) -> Iterator[FieldValue]:
    for field in fields:
        value = wanted.get(field)
        if not _is_count(value):
            continue
        now = group.get("replicas")
        yield FieldValue(
            path=("spec", "workerGroupSpecs", index, field),
            words=f"spec.workerGroupSpecs[groupName={name}].{field}",
            value=min(value, now) if gives_way and _is_count(now) else value,
        )


def _gives_way(service: MainObject, cluster: Mapping[str, Any]) -> bool:
    """Whether another cluster takes the place of this one, or KubeRay has yet to say whether one will."""
    if not all(_IN_PLACE.fullmatch(path) for path in service.changing):
        return True
    if not service.changing and not is_observed(service.live):
        return True
    pending = cluster_name(service.live, PENDING)
    return bool(pending) and pending != mapping_at(cluster, "metadata").get("name")


def with_cluster_states(
    service: Mapping[str, Any], clusters: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The RayService with its clusters' own statuses in the place of its copies, and their specs beside."""
    states = {
        mapping_at(cluster, "metadata").get("name"): (cluster["status"], map_or_empty(cluster, "spec"))
        for cluster in clusters
        if map_or_empty(cluster, "status")
    }
    status = dict(map_or_empty(service, "status"))
    for which in (ACTIVE, PENDING):
        own = states.get(cluster_name(service, which))
        if own is not None:
            status[which] = {**status[which], "rayClusterStatus": own[0], _OWN_SPEC: own[1]}
    return {**service, "status": status}


def serving_groups(service: Mapping[str, Any]) -> list[str]:
    """Groups of pods without which a RayService does not serve: its head, and the workers asked for.

    As many as its cluster is asked for, where that was read; else as the RayService asks. What Ray's
    autoscaler may take away counts by its least.
    """
    serving = map_or_empty(service, "status", ACTIVE)
    asked = serving.get(_OWN_SPEC) or map_or_empty(service, "spec", "rayClusterConfig")
    counted = map_or_empty(serving, "rayClusterStatus").get("desiredWorkerReplicas")
    least = WORKER_COUNTS[1 if _is_autoscaled(map_or_empty(asked)) else 0]
    groups = [] if counted == 0 else maps_in(map_or_empty(asked).get("workerGroupSpecs"))
    wanted = [
        name
        for group in groups
        if isinstance(name := group.get("groupName"), str)
        and (_is_count(count := group.get(least)) and count > 0 and group.get("suspend") is not True)
    ]
    return [HEAD_GROUP, *wanted]


def _groups(cluster: Mapping[str, Any]) -> list[Any]:
    groups = map_or_empty(cluster, "spec").get("workerGroupSpecs")
    return groups if isinstance(groups, list) else []


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


RAY_CLUSTERS = OperatorObjects(
    kind=RAY_CLUSTER, names=cluster_names, fields=worker_counts, with_states=with_cluster_states
)
