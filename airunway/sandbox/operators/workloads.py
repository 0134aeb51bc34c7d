"""What the pretend workload controllers share: pods from a template, counts of them, a refused creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.clients.errors import Forbidden
from airunway.sandbox.operators.faults import PodFault, fault_of
from airunway.sandbox.operators.objects import Object, is_ready, owner_reference

APPS = "apps/v1"


@dataclass(frozen=True)
class PodCounts:
    """Pods of one owner."""

    total: int
    ready: int

    @classmethod
    def of(cls, pods: Sequence[Mapping[str, Any]]) -> PodCounts:
        """Count pods that are not going away."""
        return cls(len(pods), sum(map(is_ready, pods)))


def pod_from(
    template: Mapping[str, Any],
    owner: Mapping[str, Any],
    kind: str,
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """A pod of a workload."""
    meta: Mapping[str, Any] = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**(meta.get("labels") or {}), **(labels or {})},
            "annotations": dict(meta.get("annotations") or {}),
            "ownerReferences": [owner_reference(owner, APPS, kind)],
        },
        "spec": dict(template["spec"]),
    }


def refuse_by_quota(pod: Mapping[str, Any]) -> None:
    """Raise what a ResourceQuota would, for a pod that asks for this fault."""
    if fault_of(pod) is PodFault.QUOTA:
        raise Forbidden(
            f'pods "{pod["metadata"]["name"]}" is forbidden: exceeded quota: gpu-quota, '
            "requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=8, "
            "limited: requests.nvidia.com/gpu=8",
            status=403,
            reason="Forbidden",
        )


def template_of(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    """spec.template."""
    template: Mapping[str, Any] = workload["spec"]["template"]
    return template


def wanted_replicas(workload: Mapping[str, Any]) -> int:
    """spec.replicas; absent is 1."""
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)
