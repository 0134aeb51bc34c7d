"""Which port of a Service models are served at. Pure. Source: gateway.md §7.1 and §9.1.

Named target ports are looked up in the pods, where the reference takes the Service's number (gateway.md,
weak spot 17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_PORT = 8000
_HTTP_PORTS = (80, 8080)
Obj = Mapping[str, Any]


def service_port(service: Obj | None, *, reported: int | None) -> int:
    """The port that a client of the Service calls. `reported`: `status.endpoint.port`."""
    entry = _chosen(service)
    return int(entry["port"]) if entry else reported or DEFAULT_PORT


def target_port(service: Obj | None, pods: Sequence[Obj], *, reported: int | None) -> int:
    """The port of the pods behind it. `pods`: some of those, for ports that have a name."""
    entry = _chosen(service)
    if entry is None:
        return reported or DEFAULT_PORT
    target = entry.get("targetPort")
    if isinstance(target, str) and target.isdecimal():
        target = int(target)
    if isinstance(target, str):
        target = _port_of_name(target, pods)
    return target if isinstance(target, int) and target > 0 else int(entry["port"])


def pod_selector(service: Obj | None) -> dict[str, str]:
    """The labels of the pods behind a Service; empty without one, or when somebody else fills it."""
    return dict(((service or {}).get("spec") or {}).get("selector") or {})


def _chosen(service: Obj | None) -> Obj | None:
    ports: list[Obj] = ((service or {}).get("spec") or {}).get("ports") or []
    named = (entry for entry in ports if entry.get("name") == "http" or entry.get("port") in _HTTP_PORTS)
    return next(named, ports[0] if ports else None)


def _port_of_name(name: str, pods: Sequence[Obj]) -> int | None:
    for pod in pods:
        spec = pod.get("spec") or {}
        for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
            for port in container.get("ports") or []:
                if port.get("name") == name:
                    return int(port["containerPort"])
    return None
