"""Pods: whose they are, what is kept of them, and what is said of them (web-api.md §6.2, install.md §B5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airunway.api.names import LABEL_DEPLOYMENT, LABEL_MODEL_DEPLOYMENT

Pod = Mapping[str, Any]

NAME_LABELS = (
    "app.kubernetes.io/instance",
    LABEL_DEPLOYMENT,
    LABEL_MODEL_DEPLOYMENT,
    "nvidia.com/dynamo-graph-deployment-name",
    "kaito.sh/workspace",
)
RAY_LABEL, RAY_SUFFIX, FALLBACK_LABEL = "ray.io/cluster", "-raycluster", "app"
GPU = "nvidia.com/gpu"

_KEPT_META = ("name", "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp", "annotations")
_KEPT_STATUS = ("phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses")
_KEPT_OF_CONTAINER = ("name", "ready", "restartCount", "state", "lastState", "image")


def deployment_names(pod: Pod) -> Iterator[tuple[str, bool]]:
    """Names of deployments that a pod may serve, and whether only the label `app` says so."""
    labels = pod["metadata"].get("labels") or {}
    found = {str(labels[label]) for label in NAME_LABELS if labels.get(label)}
    ray = str(labels.get(RAY_LABEL) or "")
    if ray:
        found.add(ray)
        beginning, mark, _ = ray.partition(RAY_SUFFIX)
        if mark:
            found.add(beginning)
    for name in sorted(found):
        yield name, False
    fallback = str(labels.get(FALLBACK_LABEL) or "")
    if fallback and fallback not in found:
        yield fallback, True


def is_of_interest(pod: Pod) -> bool:
    """Whether a pod serves something, as far as its labels tell, or asks for GPUs."""
    return next(deployment_names(pod), None) is not None or gpus_of(pod) > 0


def gpus_of(pod: Pod) -> int:
    """GPUs that its containers ask for together; init containers are left out (install.md §B8)."""
    total = 0
    for container in (pod.get("spec") or {}).get("containers") or ():
        resources = container.get("resources") or {}
        asked = (resources.get("requests") or {}).get(GPU, (resources.get("limits") or {}).get(GPU, 0))
        total += whole(asked)
    return total


def whole(value: Any) -> int:
    """A quantity that counts things; 0 for what is none."""
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        return 0


def kept_of_pod(pod: Pod) -> dict[str, Any]:
    """The part of a pod that answers are made of: a tenth of it."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    containers = [
        {key: value for key, value in container.items() if key in ("name", "resources")}
        for container in spec.get("containers") or ()
    ]
    kept_status = {key: status[key] for key in _KEPT_STATUS if key in status}
    for name in ("containerStatuses", "initContainerStatuses"):
        if name in kept_status:
            kept_status[name] = [
                {key: value for key, value in entry.items() if key in _KEPT_OF_CONTAINER}
                for entry in kept_status[name] or ()
            ]
    kept_spec: dict[str, Any] = {"containers": containers}
    if spec.get("nodeName"):
        kept_spec["nodeName"] = spec["nodeName"]
    meta = pod["metadata"]
    return {
        "metadata": {key: meta[key] for key in _KEPT_META if key in meta},
        "spec": kept_spec,
        "status": kept_status,
    }


def pod_status(pod: Pod) -> dict[str, Any]:
    """PodStatus (web-api.md §5)."""
    status = pod.get("status") or {}
    main: Sequence[Mapping[str, Any]] = status.get("containerStatuses") or ()
    initial: Sequence[Mapping[str, Any]] = status.get("initContainerStatuses") or ()
    shown: dict[str, Any] = {
        "name": pod["metadata"]["name"],
        "phase": status.get("phase") or "Unknown",
        "ready": is_ready(pod),
        "restarts": sum(whole(entry.get("restartCount")) for entry in (*initial, *main)),
    }
    if node := (pod.get("spec") or {}).get("nodeName"):
        shown["node"] = node
    reason, message = trouble(pod)
    if reason:
        shown["reason"] = reason
    if message:
        shown["message"] = message
    return shown


def is_ready(pod: Pod) -> bool:
    """Whether it has containers, and all of them are ready."""
    main = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(main) and all(entry.get("ready") for entry in main)


def trouble(pod: Pod) -> tuple[str, str]:
    """Reason and message of the first container that waits, else of one that ended, else of the pod.

    An init container that did its work ended well: that is no reason for anything.
    """
    status = pod.get("status") or {}
    initial = status.get("initContainerStatuses") or ()
    entries = [*initial, *(status.get("containerStatuses") or ())]
    for name in ("waiting", "terminated"):
        for entry in entries:
            state = (entry.get("state") or {}).get(name)
            if not state or (name == "terminated" and entry in initial and not state.get("exitCode")):
                continue
            return str(state.get("reason") or ""), str(state.get("message") or "")
    return str(status.get("reason") or ""), str(status.get("message") or "")
