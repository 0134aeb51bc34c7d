"""Kubernetes Events as the real components write them, so that `kubectl describe` reads as usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.clients.events import record_event
from airunway.clients.kubernetes import Cluster


async def record(
    cluster: Cluster,
    about: Mapping[str, Any],
    *,
    kind: str,
    reason: str,
    message: str,
    component: str,
    warning: bool = False,
    api_version: str = "v1",
) -> None:
    """Write one Event about an object; see `record_event`."""
    meta = about["metadata"]
    involved = {
        "apiVersion": api_version,
        "kind": kind,
        "name": meta["name"],
        "namespace": meta.get("namespace", ""),
        "uid": meta["uid"],
    }
    await record_event(
        cluster, involved, reason=reason, message=message, warning=warning, component=component
    )
