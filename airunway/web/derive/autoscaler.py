"""Whether something adds nodes to the cluster, and what it says of itself (install.md B9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import yaml

from airunway.clients.bounded_yaml import read_yaml
from airunway.web.derive.capacity import POOL_LABELS
from airunway.web.derive.pods import whole

Obj = Mapping[str, Any]

STALE_AFTER = timedelta(minutes=5)
"""Its status is written every ten seconds or so."""
NAME = "cluster-autoscaler"


def managed_pools(nodes: Sequence[Obj]) -> dict[str, Any] | None:
    """The answer for AKS, whose own autoscaler shows nothing but labels; None elsewhere."""
    if not nodes or not _is_aks(nodes[0]):
        return None
    pools = {
        next((labels[label] for label in POOL_LABELS if labels.get(label)), "default")
        for node in nodes
        if (labels := node["metadata"].get("labels") or {}).get(f"{NAME}.kubernetes.io/enabled") == "true"
    }
    if not pools:
        return None
    words = f"AKS scales {len(pools)} pools of nodes"
    return {
        "type": "aks-managed",
        "detected": True,
        "healthy": True,
        "message": words,
        "nodeGroupCount": len(pools),
    }


def _is_aks(node: Obj) -> bool:
    labels = node["metadata"].get("labels") or {}
    provider = str((node.get("spec") or {}).get("providerID") or "")
    return bool(labels.get("kubernetes.azure.com/cluster")) or provider.startswith("azure://")


def detected(config_map: Obj | None, deployments: Sequence[Obj], *, now: datetime) -> dict[str, Any]:
    """The answer for any other cluster. `deployments`: of kube-system."""
    status = _parsed(config_map)
    if config_map is not None:
        fresh = _is_fresh(status, now)
        groups = _groups(status)
        words = "the cluster autoscaler runs" if fresh else "the cluster autoscaler has not reported for long"
        shown = {"type": NAME, "detected": True, "healthy": fresh, "message": words}
        return {**shown, "nodeGroupCount": len(groups)} if groups else shown
    for deployment in deployments:
        labels = deployment["metadata"].get("labels") or {}
        if labels.get("app") == NAME or NAME in deployment["metadata"]["name"]:
            told, spec = deployment.get("status") or {}, deployment.get("spec") or {}
            healthy = whole(told.get("readyReplicas")) >= whole(spec.get("replicas", 1)) > 0
            words = "the cluster autoscaler " + ("is ready" if healthy else "is not ready")
            return {"type": NAME, "detected": True, "healthy": healthy, "message": words}
    return {"type": "none", "detected": False, "healthy": False, "message": "no cluster autoscaler was found"}


def autoscaler_status(config_map: Obj | None) -> dict[str, Any] | None:
    """The answer of `/autoscaler/status`; None where it writes none."""
    if config_map is None:
        return None
    status = _parsed(config_map)
    wide = status.get("clusterWide") if isinstance(status.get("clusterWide"), Mapping) else {}
    health = (wide.get("health") or {}).get("status") if isinstance(wide, Mapping) else None
    shown: dict[str, Any] = {"health": str(health or status.get("autoscalerStatus") or "Unknown")}
    if time := status.get("time"):
        shown["lastUpdateTime"] = str(time)
    return {**shown, "nodeGroups": _groups(status)}


def _groups(status: Obj) -> list[dict[str, Any]]:
    shown = []
    for group in status.get("nodeGroups") or ():
        if not isinstance(group, Mapping):
            continue
        health = group.get("health") if isinstance(group.get("health"), Mapping) else {}
        counts = ((health or {}).get("nodeCounts") or {}).get("registered") or {}
        current = (health or {}).get("cloudProviderTarget", counts.get("total"))
        shown.append(
            {
                "name": str(group.get("name") or ""),
                "minSize": whole((health or {}).get("minSize")),
                "maxSize": whole((health or {}).get("maxSize")),
                "currentSize": whole(current),
            }
        )
    return shown


def _parsed(config_map: Obj | None) -> dict[str, Any]:
    text = ((config_map or {}).get("data") or {}).get("status") or ""
    try:
        found = next(iter(read_yaml(text)), None)
    except (ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_fresh(status: Obj, now: datetime) -> bool:
    time = status.get("time")
    if not time:
        return True
    try:
        words = str(time).split(" +")[0].replace(" ", "T")
        then = datetime.fromisoformat(words[:26].rstrip("Z"))
    except ValueError:
        return True
    return now.replace(tzinfo=None) - then <= STALE_AFTER
