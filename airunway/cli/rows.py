"""What tables show of a ModelDeployment. Lenient: any field may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeploymentRow:
    """One deployment, as text."""

    namespace: str
    name: str
    phase: str
    engine: str
    provider: str
    replicas: str
    message: str


def deployment_row(obj: Mapping[str, Any]) -> DeploymentRow:
    """Read what a table shows."""
    meta: Mapping[str, Any] = obj["metadata"]
    status: Mapping[str, Any] = obj.get("status") or {}
    replicas: Mapping[str, Any] = status.get("replicas") or {}
    desired = replicas.get("desired")
    return DeploymentRow(
        namespace=str(meta.get("namespace", "")),
        name=str(meta["name"]),
        phase="Terminating" if meta.get("deletionTimestamp") else str(status.get("phase") or ""),
        engine=str((status.get("engine") or {}).get("type") or ""),
        provider=str((status.get("provider") or {}).get("name") or ""),
        replicas=f"{replicas.get('ready') or 0}/{desired}" if desired is not None else "",
        message=message_of(status),
    )


def message_of(status: Mapping[str, Any]) -> str:
    """The status' message or, without one, the message of the first condition that is false."""
    if status.get("message"):
        return str(status["message"])
    for entry in status.get("conditions") or []:
        if entry.get("status") == "False" and entry.get("message"):
            return str(entry["message"])
    return ""
