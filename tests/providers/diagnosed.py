"""Pods, events and workloads as a cluster has them, for tests of what is wrong with them."""

from __future__ import annotations

from typing import Any


def pod(
    *containers: dict[str, Any],
    phase: str = "Pending",
    conditions: list[dict[str, Any]] | None = None,
    init: list[dict[str, Any]] | None = None,
    **status: Any,
) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "chat-0", "uid": "u1"},
        "status": {
            "phase": phase,
            "conditions": conditions or [],
            "containerStatuses": list(containers),
            "initContainerStatuses": init or [],
            **status,
        },
    }


def waiting(reason: str, message: str = "", **fields: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {
        "name": "model",
        "image": "r.example/m:1",
        "ready": False,
        "restartCount": 0,
        "state": state,
        **fields,
    }


def crashed(restarts: int, *, code: int = 1, reason: str = "Error", message: str = "") -> dict[str, Any]:
    last = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return waiting("CrashLoopBackOff", "back-off 5m0s", restartCount=restarts, lastState=last)


def unschedulable(message: str) -> dict[str, Any]:
    return pod(
        conditions=[
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        ]
    )


def with_claim(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "spec": {"volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": name}}]}}


def event(
    reason: str, message: str, *, kind: str = "Pod", name: str = "chat-0", at: str = "1", **about: Any
) -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name, **about},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


def workload(kind: str = "ReplicaSet", replicas: int = 1, **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "chat-rs"}, "spec": {"replicas": replicas}, "status": status}
