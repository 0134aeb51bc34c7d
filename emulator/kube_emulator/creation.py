"""Sets what only a creation sets: the first status, allocated addresses, generated selectors.

Source: the PrepareForCreate methods and allocators in k8s.io/kubernetes/pkg/registry, and default admission.
"""

from __future__ import annotations

import copy
import ipaddress
from typing import Any

from . import defaults
from .defaults import containers_of, job_labels
from .kinds import Kind
from .store import Store

Obj = dict[str, Any]
_SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
_FIRST_NODE_PORT = 30000


def prepare(kind: Kind, obj: Obj, store: Store) -> None:
    """What creation alone sets: first status, allocated addresses, generated selectors."""
    if not kind.builtin:
        return
    if "status" in kind.empty:
        obj["status"] = copy.deepcopy(kind.empty["status"])
        defaults.apply(kind, obj)
    if kind.kind == "Namespace":
        obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]
    elif kind.kind == "Pod":
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
        obj["spec"].setdefault("preemptionPolicy", "PreemptLowerPriority")
        obj["spec"].setdefault("priority", 0)
        _tolerate_node_trouble(obj["spec"])
    elif kind.kind == "Node":
        taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
        if taint not in obj["spec"].setdefault("taints", []):
            obj["spec"]["taints"].append(taint)
    elif kind.kind == "Job":
        _job_selector(obj)
    elif kind.kind == "Service":
        allocate_service(obj, store)


def _tolerate_node_trouble(spec: Obj) -> None:
    """As the DefaultTolerationSeconds admission: a pod stays on a broken node for five minutes."""
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(entry.get("key") in (key, None) for entry in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits of cpu and memory."""
    parts = [container.get("resources") or {} for container in containers_of(spec)]
    main = ("cpu", "memory")
    if not any(
        part.get(side, {}).get(name) for part in parts for side in ("requests", "limits") for name in main
    ):
        return "BestEffort"
    guaranteed = all(
        part.get("limits", {}).get(name) and part["limits"][name] == part.get("requests", {}).get(name)
        for part in parts
        for name in main
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _job_selector(obj: Obj) -> None:
    spec, meta = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    labels = {
        "batch.kubernetes.io/controller-uid": meta["uid"],
        "batch.kubernetes.io/job-name": meta["name"],
        "controller-uid": meta["uid"],
        "job-name": meta["name"],
    }
    template = spec["template"].setdefault("metadata", {})
    template["labels"] = {**(template.get("labels") or {}), **labels}
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": meta["uid"]}}
    job_labels(obj)


def keep_allocated(obj: Obj, live: Obj) -> None:
    """Keeps a Service's addresses and node ports through an update that does not mention them."""
    spec, was = obj["spec"], live["spec"]
    if "ExternalName" in (spec["type"], was["type"]):
        return
    for part in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(part) and part in was:
            spec[part] = was[part]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        ports = {port.get("name", ""): port.get("nodePort") for port in was.get("ports") or ()}
        for port in spec.get("ports") or ():
            kept = ports.get(port.get("name", ""))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept


def allocate_service(obj: Obj, store: Store) -> None:
    """Gives a Service its cluster address and node ports."""
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return
    services = [version.obj["spec"] for version in store.table(("", "services")).all()]
    if not spec.get("clusterIP"):
        taken = {other.get("clusterIP") for other in services}
        spec["clusterIP"] = next(str(ip) for ip in _SERVICE_NETWORK.hosts() if str(ip) not in taken)
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        taken_ports = {port.get("nodePort") for other in services for port in other.get("ports") or ()}
        free = (port for port in range(_FIRST_NODE_PORT, 32768) if port not in taken_ports)
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = next(free)
