"""Gateways, Services and deployments as tests of the gateway give them."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment

Obj = dict[str, Any]


def deployment(name: str = "mistral", namespace: str = "team-a", **spec: Any) -> ModelDeployment:
    body = {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"},
        "spec": {"model": {"id": "org/x"}, **spec},
    }
    return ModelDeployment.model_validate(body)


def listener(namespaces: Obj | None = None, *, name: str = "http", **fields: Any) -> Obj:
    allowed = {"allowedRoutes": {"namespaces": namespaces}} if namespaces is not None else {}
    return {"name": name, "port": 80, "protocol": "HTTP", **allowed, **fields}


def gateway(*listeners: Obj, name: str = "inference-gateway", namespace: str = "edge", **meta: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": {"listeners": list(listeners) or [listener()]},
        "status": {"addresses": [{"type": "IPAddress", "value": "10.1.2.3"}]},
    }


def among(*values: str) -> Obj:
    """Admits these namespaces by name, as AI Runway writes it."""
    entry = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(values)}
    return {"from": "Selector", "selector": {"matchExpressions": [entry]}}


def patched(obj: Obj, patch: Any) -> Obj:
    """An object after a JSON patch that only adds, replaces and removes keys of maps."""
    import copy

    found = copy.deepcopy(obj)
    for step in patch:
        *path, last = [part.replace("~1", "/") for part in step["path"].split("/")[1:]]
        place: Any = found
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if step["op"] == "remove":
            del place[last]
        else:
            place[last] = step["value"]
    return found


def service(*ports: tuple[str, int, Any], selector: Obj | None = None) -> Obj:
    entries = [{"name": name, "port": port, "targetPort": target} for name, port, target in ports]
    return {"spec": {"ports": entries, "selector": selector or {"app": "mistral"}}}


def pod(name: str = "a", *, ready: bool = True, ports: Obj | None = None) -> Obj:
    entries = [{"name": key, "containerPort": value} for key, value in (ports or {}).items()]
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "ports": entries}]},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }
