"""The columns and cells `kubectl get` shows for the built-in kinds people look at; others get name and time.

Source: k8s.io/kubernetes/pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .durations import human, since

Obj = Mapping[str, Any]
Cells = list[Any]
_NONE = "<none>"


def columns_of(kind: str) -> list[dict[str, Any]]:
    """Column definitions of a built-in kind; those with an asterisk in the table below are only shown when
    wide.
    """
    out = []
    for part in _COLUMNS.get(kind, "Name|Created At").split("|"):
        name, _, type_ = part.rstrip("*").partition(":")
        out.append(
            {
                "name": name,
                "type": type_ or "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 1 if part.endswith("*") else 0,
            }
        )
    return out


_WORKLOAD = "|Containers*|Images*|Selector*"
_COLUMNS = {
    "Pod": "Name|Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness Gates*",
    "Deployment": "Name|Ready|Up-to-date:integer|Available:integer|Age" + _WORKLOAD,
    "ReplicaSet": "Name|Desired:integer|Current:integer|Ready:integer|Age" + _WORKLOAD,
    "StatefulSet": "Name|Ready|Age|Containers*|Images*",
    "Job": "Name|Status|Completions|Duration|Age" + _WORKLOAD,
    "Service": "Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector*",
    "Namespace": "Name|Status|Age",
    "Node": "Name|Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*"
    "|Container-Runtime*",
    "Event": "Last Seen|Type|Reason|Object|Subobject*|Source*|Message|First Seen*|Count*|Name*",
    "ConfigMap": "Name|Data|Age",
    "Secret": "Name|Type|Data|Age",
    "PersistentVolumeClaim": "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age"
    "|VolumeMode*",
}


def cells_of(kind: str, obj: Obj) -> Cells:
    """One row's cells, wide ones included."""
    printer = _PRINTERS.get(kind)
    return printer(obj) if printer else [_name(obj), obj["metadata"].get("creationTimestamp")]


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Obj) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def _status(obj: Obj) -> Obj:
    return obj.get("status") or {}


def _labels(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or _NONE


def _selector(selector: Obj | None) -> str:
    if not selector:
        return _NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or ():
        values = ",".join(sorted(rule.get("values") or ()))
        operator = {"In": "in", "NotIn": "notin"}.get(rule["operator"])
        parts.append(
            f"{rule['key']} {operator} ({values})"
            if operator
            else ("!" if rule["operator"] == "DoesNotExist" else "") + rule["key"]
        )
    return ",".join(parts) or _NONE


def _containers(obj: Obj) -> tuple[str, str]:
    containers = obj["spec"].get("template", {}).get("spec", {}).get("containers") or ()
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def _pod(obj: Obj) -> Cells:
    spec, status = obj["spec"], _status(obj)
    statuses = status.get("containerStatuses") or ()
    total = len(spec.get("containers") or ())
    ready = sum(bool(c.get("ready") and "running" in (c.get("state") or {})) for c in statuses)
    restarts = sum(c.get("restartCount", 0) for c in statuses)
    ips = status.get("podIPs") or ()
    return [
        _name(obj),
        f"{ready}/{total}",
        _pod_reason(obj),
        str(restarts),
        _age(obj),
        ips[0]["ip"] if ips else _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        _NONE,
    ]


def _pod_reason(obj: Obj) -> str:
    status = _status(obj)
    reason = str(status.get("reason") or status.get("phase", ""))
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif "terminated" in state:
            reason = state["terminated"].get("reason") or f"ExitCode:{state['terminated'].get('exitCode', 0)}"
        elif container.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        reason = "Running" if ready else "NotReady"
    if obj["metadata"].get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed"):
        return "Terminating"
    return reason


def _deployment(obj: Obj) -> Cells:
    status = _status(obj)
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj), *_containers(obj), _selector(obj["spec"].get("selector"))]


def _replica_set(obj: Obj) -> Cells:
    status = _status(obj)
    counts = [obj["spec"].get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), *_containers(obj), _selector(obj["spec"].get("selector"))]


def _stateful_set(obj: Obj) -> Cells:
    ready = f"{_status(obj).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    return [_name(obj), ready, _age(obj), *_containers(obj)]


def _job(obj: Obj) -> Cells:
    spec, status = obj["spec"], _status(obj)
    done, parallel = status.get("succeeded", 0), spec.get("parallelism", 0)
    if "completions" in spec:
        completions = f"{done}/{spec['completions']}"
    else:
        completions = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    length, start, end = "", status.get("startTime"), status.get("completionTime")
    if start and end:
        length = human(datetime.fromisoformat(end) - datetime.fromisoformat(start))
    elif start:
        length = since(start)
    selector = _selector(spec.get("selector"))
    return [_name(obj), _job_status(obj), completions, length, _age(obj), *_containers(obj), selector]


def _job_status(obj: Obj) -> str:
    conditions = {c["type"] for c in _status(obj).get("conditions") or () if c.get("status") == "True"}
    for condition in ("Complete", "Failed"):
        if condition in conditions:
            return condition
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    found = (name for name in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if name in conditions)
    return next(found, "Running")


def _service(obj: Obj) -> Cells:
    spec = obj["spec"]
    addresses = spec.get("clusterIPs") or ()
    return [
        _name(obj),
        spec.get("type", ""),
        addresses[0] if addresses else _NONE,
        _external_ip(obj),
        _ports(spec.get("ports") or ()),
        _age(obj),
        _labels(spec.get("selector")),
    ]


def _external_ip(obj: Obj) -> str:
    spec = obj["spec"]
    external = ",".join(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") != "LoadBalancer":
        return external or _NONE
    ingress = (_status(obj).get("loadBalancer") or {}).get("ingress") or ()
    found = ",".join(entry.get("ip") or entry.get("hostname", "") for entry in ingress)
    return ",".join(part for part in (found, external) if part) or "<pending>"


def _ports(ports: Any) -> str:
    parts = [
        f"{p['port']}:{p['nodePort']}/{p['protocol']}"
        if p.get("nodePort")
        else f"{p['port']}/{p['protocol']}"
        for p in ports
    ]
    return ",".join(parts) or _NONE


def _node(obj: Obj) -> Cells:
    status, info = _status(obj), _status(obj).get("nodeInfo") or {}
    ready = [c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"]
    states = [("Ready" if ready[0] == "True" else "NotReady") if ready else "Unknown"]
    if obj["spec"].get("unschedulable"):
        states.append("SchedulingDisabled")
    role = "node-role.kubernetes.io/"
    roles = [key.removeprefix(role) for key in obj["metadata"].get("labels") or {} if key.startswith(role)]
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or ()}
    return [
        _name(obj),
        ",".join(states),
        ",".join(sorted(roles)) or _NONE,
        _age(obj),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _event(obj: Obj) -> Cells:
    first = since(obj.get("firstTimestamp") or obj.get("eventTime"))
    last, count = (since(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first), obj.get("count") or 1
    if series := obj.get("series"):
        last, count = since(series.get("lastObservedTime")), series.get("count", 0)
    target, source = obj.get("involvedObject") or {}, obj.get("source") or {}
    shown = "/".join(part for part in (target.get("kind", "").lower(), target.get("name", "")) if part)
    component = source.get("component") or obj.get("reportingComponent", "")
    instance = source.get("host") or obj.get("reportingInstance", "")
    origin = f"{component}, {instance}" if instance else component
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        shown,
        target.get("fieldPath", ""),
        origin,
        obj.get("message", "").strip(),
        first,
        count,
        _name(obj),
    ]


_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _claim(obj: Obj) -> Cells:
    spec, status = obj["spec"], _status(obj)
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    modes = (
        ",".join(_ACCESS_MODES.get(mode, mode) for mode in status.get("accessModes") or ()) if bound else ""
    )
    return [
        _name(obj),
        phase,
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        modes,
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        _age(obj),
        spec.get("volumeMode", "<unset>"),
    ]


def _data(obj: Obj) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


_PRINTERS: dict[str, Callable[[Obj], Cells]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "Service": _service,
    "Namespace": lambda obj: [_name(obj), _status(obj).get("phase", ""), _age(obj)],
    "Node": _node,
    "Event": _event,
    "ConfigMap": lambda obj: [_name(obj), _data(obj), _age(obj)],
    "Secret": lambda obj: [_name(obj), obj.get("type", ""), _data(obj), _age(obj)],
    "PersistentVolumeClaim": _claim,
}
