"""GPUs of the cluster: how many there are, asked for, free, and on what (install.md B8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.web.derive.pods import GPU, Pod, gpus_of, whole

Node = Mapping[str, Any]

POOL_LABELS = (
    "agentpool",
    "kubernetes.azure.com/agentpool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
)
_INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
PRODUCT_LABEL, MEMORY_LABEL = "nvidia.com/gpu.product", "nvidia.com/gpu.memory"

_PRODUCT_MEMORY: Sequence[tuple[str, int]] = (
    ("H200", 141),
    ("H100", 80),
    ("A10G", 24),
    ("A10", 24),
    ("L40", 48),
    ("L4", 24),
    ("T4", 16),
    ("4090", 24),
    ("3090", 24),
    ("4080", 16),
    ("3080", 12),
)
"""GB by what a product is called; the first that fits. A100 and V100 come in two sizes."""


@dataclass(frozen=True, kw_only=True)
class NodeGpus:
    """The GPUs of one node."""

    node: Node
    total: int
    allocated: int

    @property
    def name(self) -> str:
        """Of the node."""
        return str(self.node["metadata"]["name"])

    @property
    def available(self) -> int:
        """Free ones."""
        return max(0, self.total - self.allocated)


def gpus_by_node(nodes: Iterable[Node], pods: Iterable[Pod]) -> list[NodeGpus]:
    """Nodes with GPUs, by name. Pods that ended hold none."""
    held: dict[str, int] = {}
    for pod in pods:
        node, phase = (pod.get("spec") or {}).get("nodeName"), (pod.get("status") or {}).get("phase")
        if node and phase in ("Running", "Pending"):
            held[node] = held.get(node, 0) + gpus_of(pod)
    found = [
        NodeGpus(node=node, total=total, allocated=held.get(node["metadata"]["name"], 0))
        for node in nodes
        if (total := allocatable_gpus(node)) > 0
    ]
    return sorted(found, key=lambda entry: entry.name)


def allocatable_gpus(node: Node) -> int:
    """GPUs that pods can get of a node."""
    return whole(((node.get("status") or {}).get("allocatable") or {}).get(GPU))


def totals(nodes: Sequence[NodeGpus]) -> dict[str, Any]:
    """The fields that both answers have."""
    memory = next((size for entry in nodes if (size := memory_gb(entry.node))), 0)
    shown: dict[str, Any] = {
        "totalGpus": sum(entry.total for entry in nodes),
        "allocatedGpus": sum(entry.allocated for entry in nodes),
        "availableGpus": sum(entry.available for entry in nodes),
        "maxContiguousAvailable": max((entry.available for entry in nodes), default=0),
        "maxNodeGpuCapacity": max((entry.total for entry in nodes), default=0),
        "gpuNodeCount": len(nodes),
    }
    if memory:
        shown["totalMemoryGb"] = memory
    return shown


def cluster_capacity(nodes: Sequence[NodeGpus]) -> dict[str, Any]:
    """ClusterGpuCapacity."""
    shown = [
        {
            "nodeName": entry.name,
            "totalGpus": entry.total,
            "allocatedGpus": entry.allocated,
            "availableGpus": entry.available,
        }
        for entry in nodes
    ]
    return {**totals(nodes), "nodes": shown}


def detailed_capacity(nodes: Sequence[NodeGpus]) -> dict[str, Any]:
    """DetailedClusterCapacity."""
    return {**totals(nodes), "nodePools": node_pools(nodes)}


def node_pools(nodes: Sequence[NodeGpus]) -> list[dict[str, Any]]:
    """Nodes with GPUs by their pool, in the order of the first node of each."""
    pools: dict[str, list[NodeGpus]] = {}
    for entry in nodes:
        pools.setdefault(_first(entry.node, POOL_LABELS) or "default", []).append(entry)
    return [_pool(name, entries) for name, entries in pools.items()]


def _pool(name: str, entries: Sequence[NodeGpus]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": name,
        "gpuCount": sum(entry.total for entry in entries),
        "nodeCount": len(entries),
        "availableGpus": sum(entry.available for entry in entries),
    }
    for field, labels in (
        ("gpuModel", (PRODUCT_LABEL, "accelerator")),
        ("instanceType", _INSTANCE_LABELS),
        ("region", _REGION_LABELS),
    ):
        text = next((found for entry in entries if (found := _first(entry.node, labels))), "")
        if text:
            shown[field] = text
    return shown


def memory_gb(node: Node) -> int:
    """Memory of one GPU of a node; 0 where nothing tells."""
    labels = node["metadata"].get("labels") or {}
    megabytes = whole(labels.get(MEMORY_LABEL))
    if megabytes:
        return round(megabytes / 1024)
    return product_memory_gb(str(labels.get(PRODUCT_LABEL) or ""))


def product_memory_gb(product: str) -> int:
    """Memory of a GPU by its product's name; 0 for one that is not known."""
    name = product.upper()
    if "A100" in name:
        return 80 if "80" in name.replace("A100", "") else 40
    if "V100" in name:
        return 32 if "32" in name else 16
    return next((size for part, size in _PRODUCT_MEMORY if part in name), 0)


def shown_nodes(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """The answer of `/cluster/nodes`: cordoned ones are left out."""
    shown = [
        {
            "name": node["metadata"]["name"],
            "ready": any(
                entry.get("type") == "Ready" and entry.get("status") == "True"
                for entry in (node.get("status") or {}).get("conditions") or ()
            ),
            "gpuCount": allocatable_gpus(node),
        }
        for node in nodes
        if not (node.get("spec") or {}).get("unschedulable")
    ]
    return sorted(shown, key=lambda entry: str(entry["name"]))


def _first(node: Node, labels: Sequence[str]) -> str:
    found = node["metadata"].get("labels") or {}
    return next((str(found[label]) for label in labels if found.get(label)), "")
