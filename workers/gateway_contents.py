"""What of the gateway's objects counts as a change of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airunway.clients.kubernetes import Object


def digest(content: Any) -> int:
    """The same for the same content, in one process."""
    return hash(json.dumps(content, sort_keys=True))


def admissions(gateway: Object) -> Any:
    """Whom its listeners admit."""
    return [one.get("allowedRoutes") for one in gateway["spec"].get("listeners") or []]


def gateway_content(gateway: Object) -> Any:
    """All but what changes with every route: counts, and the namespaces that are let in."""
    spec = {
        **gateway["spec"],
        "listeners": [_listener(one) for one in gateway["spec"].get("listeners") or []],
    }
    status = gateway.get("status") or {}
    meta = gateway["metadata"]
    return [spec, meta.get("labels"), status.get("addresses"), _verdicts(status.get("conditions"))]


def _listener(listener: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in listener.items() if key != "allowedRoutes"}


def route_content(route: Object) -> Any:
    """What it is, what is said of it, and of which generation that is."""
    parents = (route.get("status") or {}).get("parents") or []
    said = [
        [
            parent.get("parentRef"),
            _verdicts(parent.get("conditions")),
            [one.get("observedGeneration") for one in parent.get("conditions") or []],
        ]
        for parent in parents
    ]
    return [route["spec"], route["metadata"].get("labels"), said]


def pool_content(pool: Object) -> Any:
    """What it is, and what is said of it."""
    parents = (pool.get("status") or {}).get("parents") or []
    return [pool["spec"], [_verdicts(parent.get("conditions")) for parent in parents]]


def picker_content(part: Object) -> Any:
    """Of any part of an endpoint picker; of its Deployment also whether it is up."""
    content = {key: part[key] for key in part if key not in ("apiVersion", "kind", "metadata", "status")}
    return [content, is_up(part)]


def is_up(deployment: Object) -> bool:
    """Whether a Deployment has a pod that is available."""
    return bool((deployment.get("status") or {}).get("availableReplicas"))


def _verdicts(conditions: Any) -> list[list[Any]]:
    return sorted([entry.get("type"), entry.get("status"), entry.get("reason")] for entry in conditions or [])
