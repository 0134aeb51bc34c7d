"""DeploymentStatus: what the API says of a deployment and its pods (web-api.md §5, §6.1, install.md §B5.1).

Beyond the reference's fields it says why: `message`, `reason`, `step` and `links`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.web.derive.condition_words import BAD, condition_tone
from airunway.web.derive.pods import Pod, is_ready, pod_status, trouble, whole

Obj = Mapping[str, Any]

FATAL_REASONS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
        "StartError",
    }
)
"""Why a container waits that will not start by waiting."""


def deployment_status(deployment: Obj, pods: Sequence[Pod], *, links: Mapping[str, str]) -> dict[str, Any]:
    """The answer for one deployment. `links`: title to address, for people."""
    meta, spec, status = (deployment.get(part) or {} for part in ("metadata", "spec", "status"))
    model = spec.get("model") or {}
    mode = (spec.get("serving") or {}).get("mode") or "aggregated"
    replicas = _replicas(spec, status, pods, mode)
    shown: dict[str, Any] = {
        "name": meta["name"],
        "namespace": meta.get("namespace", ""),
        "modelId": model.get("id"),
        "servedModelName": model.get("servedName"),
        "engine": (spec.get("engine") or {}).get("type") or (status.get("engine") or {}).get("type"),
        "mode": mode,
        "phase": phase_of(status, pods, replicas),
        "provider": provider_of(deployment),
        "replicas": replicas,
        "conditions": status.get("conditions") or None,
        "pods": [pod_status(pod) for pod in pods],
        "createdAt": meta.get("creationTimestamp") or "",
        "frontendService": frontend_service(deployment),
        "storage": model.get("storage") or None,
        **(_groups(spec, pods) if mode == "disaggregated" else {}),
        "gateway": _gateway(status),
        "image": status.get("image") or None,
        "message": status.get("message") or None,
        "reason": reason_of(status),
        "step": step_of(status),
        "links": dict(links) or None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def provider_of(deployment: Obj) -> str:
    """Who serves it: recorded, else asked for, else `unknown`."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    named = (status.get("provider") or {}).get("name") or (spec.get("provider") or {}).get("name")
    return str(named or "unknown")


def frontend_service(deployment: Obj) -> str:
    """`service:port`; the port is left out where none is known."""
    endpoint = (deployment.get("status") or {}).get("endpoint") or {}
    service = endpoint.get("service") or deployment["metadata"]["name"]
    port = whole(endpoint.get("port"))
    return f"{service}:{port}" if port else str(service)


def phase_of(status: Obj, pods: Sequence[Pod], replicas: Mapping[str, int]) -> str:
    """The phase, judged by the pods before the resource, which may be a moment behind."""
    reported = str(status.get("phase") or "")
    if reported == "Terminating":
        return reported
    some_ready = any(is_ready(pod) for pod in pods)
    wanted, ready = replicas["desired"], replicas["ready"]
    satisfied = ready >= wanted if wanted else some_ready
    if satisfied and (reported == "Running" or some_ready):
        return "Running"
    if any(_phase(pod) == "Failed" or trouble(pod)[0] in FATAL_REASONS for pod in pods):
        return "Failed"
    if any(_phase(pod) == "Running" or (_phase(pod) == "Pending" and _node(pod)) for pod in pods):
        return "Deploying"
    if any(_phase(pod) == "Pending" for pod in pods):
        return "Pending"
    return reported or "Pending"


def reason_of(status: Obj) -> str | None:
    """The reason of what keeps it from being ready; None when nothing does, or nobody said."""
    condition = _obstacle(status)
    return str(condition.get("reason") or "") or None if condition else None


def step_of(status: Obj) -> str | None:
    """The aspect that is being worked on or has failed: the type of the first condition that is not met."""
    condition = _obstacle(status)
    return str(condition.get("type") or "") or None if condition else None


def _obstacle(status: Obj) -> Obj | None:
    """What keeps it from being ready: not a hint, nor what nobody asked for, while something else does."""
    conditions: Sequence[Obj] = status.get("conditions") or ()
    unmet = [entry for entry in conditions if entry.get("status") not in ("True", None)]
    ready = next((entry for entry in conditions if entry.get("type") == "Ready"), None)
    if ready is not None and ready.get("status") == "True":
        return None
    others = [entry for entry in unmet if entry is not ready and _tone(entry) == BAD]
    return next(iter(others), ready or next(iter(unmet), None))


def _tone(condition: Obj) -> str:
    return condition_tone(str(condition.get("type") or ""), str(condition.get("status") or ""))


def _replicas(spec: Obj, status: Obj, pods: Sequence[Pod], mode: str) -> dict[str, int]:
    told = status.get("replicas") or {}
    keys = ("desired", "ready", "available")
    if any(isinstance(told.get(key), int) for key in keys):
        return {key: whole(told.get(key)) for key in keys}
    scaling = spec.get("scaling") or {}
    if mode == "disaggregated":
        desired = sum(_wanted(scaling.get(group)) for group in ("prefill", "decode"))
        ready = sum(is_ready(pod) for pod in pods)
        return {"desired": desired, "ready": ready, "available": ready}
    desired = whole(scaling["replicas"]) if "replicas" in scaling else int(bool(pods))
    all_ready = bool(pods) and all(is_ready(pod) for pod in pods)
    ready = desired if _is_true(status, "Ready") or all_ready else 0
    return {"desired": desired, "ready": ready, "available": ready}


def _groups(spec: Obj, pods: Sequence[Pod]) -> dict[str, Any]:
    scaling = spec.get("scaling") or {}
    shown = {}
    for group in ("prefill", "decode"):
        ready = sum(is_ready(pod) for pod in pods if group in pod["metadata"]["name"])
        shown[f"{group}Replicas"] = {"desired": _wanted(scaling.get(group)), "ready": ready}
    return shown


def _wanted(group: Obj | None) -> int:
    return whole((group or {}).get("replicas", 1))


def _gateway(status: Obj) -> dict[str, Any] | None:
    told = status.get("gateway") or {}
    shown = {key: told[key] for key in ("endpoint", "modelName", "gatewayNamespace") if told.get(key)}
    return shown or None


def _is_true(status: Obj, kind: str) -> bool:
    return any(
        entry.get("type") == kind and entry.get("status") == "True"
        for entry in status.get("conditions") or ()
    )


def _phase(pod: Pod) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def _node(pod: Pod) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")
