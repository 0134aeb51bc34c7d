"""What tables show of a ModelDeployment. Lenient: any field may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_SECOND, _MINUTE, _HOUR = (1, "s"), (60, "m"), (3600, "h")
_DAY, _YEAR, _NOTHING = (86400, "d"), (365 * 86400, "y"), (1, "")
_AGES = (
    (2 * 60, _SECOND, _NOTHING),
    (10 * 60, _MINUTE, _SECOND),
    (3 * 3600, _MINUTE, _NOTHING),
    (8 * 3600, _HOUR, _MINUTE),
    (48 * 3600, _HOUR, _NOTHING),
    (8 * 86400, _DAY, _HOUR),
    (2 * 365 * 86400, _DAY, _NOTHING),
    (8 * 365 * 86400, _YEAR, _DAY),
    (float("inf"), _YEAR, _NOTHING),
)
"""Up to which age it is given in which unit, and in which smaller one. Source: k8s.io/apimachinery,
pkg/util/duration.HumanDuration."""


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
    model: str = ""
    endpoint: str = ""
    """Service and port in the cluster, or the address of its Gateway."""


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
        model=str(_part(_part(obj, "spec"), "model").get("id") or ""),
        endpoint=_endpoint(status),
    )


def _endpoint(status: Mapping[str, Any]) -> str:
    service, gateway = _part(status, "endpoint"), _part(status, "gateway")
    inside = f"{service['service']}:{service.get('port', '')}" if service.get("service") else ""
    return str(gateway.get("url") or gateway.get("endpoint") or inside)


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def deployment_resource(name: str) -> str:
    """What `-o name` prints of a deployment, and `kubectl get` takes."""
    return f"modeldeployment.airunway.ai/{name}"


def provider_resource(name: str) -> str:
    """The same of a provider."""
    return f"inferenceproviderconfig.airunway.ai/{name}"


def message_of(status: Mapping[str, Any]) -> str:
    """The status' message or, without one, the message of the first condition that is false."""
    if status.get("message"):
        return str(status["message"])
    for entry in status.get("conditions") or []:
        if entry.get("status") == "False" and entry.get("message"):
            return str(entry["message"])
    return ""


def age(since: datetime | str | None, *, now: datetime | None = None) -> str:
    """An age as kubectl writes it: 85s, 5m10s, 12m, 5h3m, 3d. Empty for what is no time (RFC 3339)."""
    try:
        begun = datetime.fromisoformat(since) if isinstance(since, str) else since
    except ValueError:
        return ""
    if begun is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - begun).total_seconds()))
    (size, unit), (smaller, smaller_unit) = next(units for below, *units in _AGES if seconds < below)
    rest = seconds % size // smaller if smaller_unit else 0
    return f"{seconds // size}{unit}" + (f"{rest}{smaller_unit}" if rest else "")
