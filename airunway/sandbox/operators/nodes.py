"""The pretend nodes: what the sandbox's scheduler can give out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from airunway.clients.errors import AlreadyExists, ClientError
from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.operators.objects import Object, now

NODES = Resource("v1", "nodes")
HEARTBEAT_SECONDS = 15.0
"""Well under the 50 s after which a controller manager gives a node up."""


@dataclass(frozen=True, kw_only=True)
class PretendNode:
    """One node and what it has."""

    name: str
    gpus: int = 0
    cpu: str = "32"
    memory: str = "256Gi"
    labels: Mapping[str, str] = field(default_factory=dict)


GPU_LABELS = {
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB",
    "nvidia.com/gpu.memory": "81920",
}

DEFAULT_NODES = (
    *(PretendNode(name=f"sandbox-gpu-{number}", gpus=4, labels=GPU_LABELS) for number in range(4)),
    PretendNode(name="sandbox-cpu-0"),
)


async def create_nodes(cluster: Cluster, nodes: Sequence[PretendNode] = DEFAULT_NODES) -> None:
    """Create the nodes that are not there yet, ready to take pods."""
    for node in nodes:
        body: Object = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node.name, "labels": _labels(node)},
        }
        try:
            await cluster.create(NODES, body)
        except AlreadyExists:
            continue
        await cluster.patch(NODES, node.name, {"status": _status(node)}, subresource="status")
        # Admission taints a new node as not ready, and a controller manager is slow to lift that.
        await cluster.patch(NODES, node.name, {"spec": {"taints": None}})


async def keep_alive(cluster: Cluster, nodes: Sequence[PretendNode]) -> None:
    """Report the nodes as alive, for good: a controller manager evicts the pods of a silent node."""
    while True:
        for node in nodes:
            with suppress(ClientError):
                await cluster.patch(NODES, node.name, {"status": _status(node)}, subresource="status")
        await asyncio.sleep(HEARTBEAT_SECONDS)


def _labels(node: PretendNode) -> dict[str, str]:
    labels = {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name,
        **node.labels,
    }
    if node.gpus:
        labels["nvidia.com/gpu.count"] = str(node.gpus)
    return labels


def _status(node: PretendNode) -> Object:
    resources = {"cpu": node.cpu, "memory": node.memory, "pods": "250"}
    if node.gpus:
        resources["nvidia.com/gpu"] = str(node.gpus)
    return {
        "capacity": resources,
        "allocatable": resources,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "pretend kubelet is posting ready status",
                "lastHeartbeatTime": now(),
                "lastTransitionTime": now(),
            }
        ],
    }
