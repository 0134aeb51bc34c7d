"""The status a kubelet would write, for each stage of a pod's life. Pure but for timestamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.sandbox.operators.objects import Object, now, with_condition


def waiting(pod: Mapping[str, Any], reason: str, message: str = "") -> Object:
    """Not started: pulling the image, or kept from starting by `reason`."""
    state: Object = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return _status(pod, "Pending", state, ready=False)


def running(pod: Mapping[str, Any], *, ready: bool, restarts: int = 0, last: Object | None = None) -> Object:
    """Started; `last` is how its previous run ended."""
    state: Object = {"running": {"startedAt": now()}}
    return _status(pod, "Running", state, ready=ready, started=True, restarts=restarts, last=last)


def succeeded(pod: Mapping[str, Any]) -> Object:
    """Ended as it should, as the pod of a job does."""
    return _status(pod, "Succeeded", ended(0, "Completed"), ready=False)


def crash_loop(pod: Mapping[str, Any], *, restarts: int, last: Object, backoff: float) -> Object:
    """Ended, and not started again yet."""
    message = f"back-off {max(1, round(backoff))}s restarting failed container={_names(pod)[0]}"
    state: Object = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    return _status(pod, "Running", state, ready=False, restarts=restarts, last=last)


def ended(exit_code: int, reason: str) -> Object:
    """The end of a container's run."""
    times = {"startedAt": now(), "finishedAt": now()}
    return {"terminated": {"exitCode": exit_code, "reason": reason, **times}}


def _names(pod: Mapping[str, Any]) -> list[str]:
    return [container["name"] for container in pod["spec"]["containers"]]


def _status(
    pod: Mapping[str, Any],
    phase: str,
    state: Object,
    *,
    ready: bool,
    started: bool = False,
    restarts: int = 0,
    last: Object | None = None,
) -> Object:
    status: Mapping[str, Any] = pod.get("status") or {}
    conditions = _conditions(status.get("conditions") or [], ready=ready, initialized=True)
    return {
        "phase": phase,
        "conditions": conditions,
        "hostIP": "10.0.0.1",
        "podIP": _address(pod["metadata"]["uid"]) if started else None,
        "startTime": status.get("startTime") or now(),
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready,
                "started": started,
                "restartCount": restarts,
                "state": state,
                "lastState": last or {},
            }
            for container in pod["spec"]["containers"]
        ],
    }


def _conditions(known: Sequence[Mapping[str, Any]], *, ready: bool, initialized: bool) -> list[Object]:
    conditions: list[Object] = [dict(entry) for entry in known]
    for name, value in (("PodScheduled", True), ("Initialized", initialized), ("ContainersReady", ready)):
        conditions = with_condition(conditions, {"type": name, "status": str(value)})
    why = {} if ready else {"reason": "ContainersNotReady", "message": "containers with unready status"}
    return with_condition(conditions, {"type": "Ready", "status": str(ready), **why})


def _address(uid: str) -> str:
    number = sum(uid.encode()) * 257 + len(uid)
    return f"10.244.{number // 250 % 250}.{number % 250 + 2}"
