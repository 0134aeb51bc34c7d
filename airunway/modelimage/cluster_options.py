"""What registry and builder are to be like in the cluster: what the settings decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from airunway.api import names
from airunway.modelimage.naming import PRIVATE_PUSH_HOST, PUSH_HOST

REGISTRY_IMAGE = "docker.io/library/registry:3"
BUILDER_IMAGE = "docker.io/moby/buildkit:v0.34.2"


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Placement and sizes. Volumes as Kubernetes quantities and in bytes (0: not known).

    A storage class of None is the cluster's own.
    """

    namespace: str = names.SYSTEM_NAMESPACE
    builder_namespace: str = names.BUILDER_NAMESPACE
    """One of its own, for its pods are privileged."""
    client_namespace: str = names.SYSTEM_NAMESPACE
    """Of the workers, which use the builder."""
    storage_class: str | None = None
    registry_volume: str = "100Gi"
    builder_volume: str = "100Gi"
    builder_bytes: int = 100 * 1024**3
    empty_dir: bool = False
    """No claims: what is stored is lost with its pod."""
    rootless: bool = False
    registry_image: str = REGISTRY_IMAGE
    builder_image: str = BUILDER_IMAGE
    node_port: int = names.REGISTRY_NODE_PORT
    push_host: str = PUSH_HOST
    private_push_host: str = PRIVATE_PUSH_HOST
    push_insecure: bool = True
    """What the builder calls the registry, for images of private models too, and that it has no TLS."""
    registry_readers: Sequence[str] = field(default=())
    """CIDRs that may pull beside our pods; empty: everybody may."""

    def for_builder(self) -> ClusterOptions:
        """The same for what the builder needs, which is made in its own namespace."""
        return replace(self, namespace=self.builder_namespace)


def labels_of(name: str) -> dict[str, str]:
    """Labels of registry and builder objects (gguf-build.md §3.1)."""
    return {"app": name, "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": names.MANAGED_BY}


def deployment_of(
    name: str,
    *,
    pod: Mapping[str, object],
    options: ClusterOptions,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """A Deployment of one pod, which is gone before the next one comes: both would want the same claim.

    `annotations`: of the pod. A pod has no rights in the cluster.
    """
    metadata: dict[str, object] = {"labels": {"app": name}}
    if annotations is not None:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels_of(name)},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": metadata,
                "spec": {"automountServiceAccountToken": False, "enableServiceLinks": False, **pod},
            },
        },
    }


def claim_of(name: str, *, size: str, options: ClusterOptions) -> dict[str, object]:
    """A claim for one pod's data."""
    spec: dict[str, object] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if options.storage_class is not None:
        spec["storageClassName"] = options.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels_of(name)},
        "spec": spec,
    }


def data_volume(name: str, claim: str, *, size: str, options: ClusterOptions) -> dict[str, object]:
    """The pod's volume: the claim, or space of the node up to the same size."""
    if options.empty_dir:
        return {"name": name, "emptyDir": {"sizeLimit": size}}
    return {"name": name, "persistentVolumeClaim": {"claimName": claim}}


def pods_in(namespace: str, labels: Mapping[str, str]) -> dict[str, object]:
    """A peer of a NetworkPolicy: pods of one namespace, which need not be that of the policy."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }


def from_our_pods(*more: dict[str, object]) -> list[dict[str, object]]:
    """Peers of a NetworkPolicy: pods of this control plane, and others."""
    ours: dict[str, object] = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "airunway"}}}
    return [ours, *more]


def ingress_rule(port: int, peers: list[dict[str, object]]) -> dict[str, object]:
    """Who may reach a port; without peers everybody."""
    return {**({"from": peers} if peers else {}), "ports": [{"port": port, "protocol": "TCP"}]}


def network_policy(
    name: str, *, rules: list[dict[str, object]], options: ClusterOptions
) -> dict[str, object]:
    """Who may reach the pods of `name`."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels_of(name)},
        "spec": {
            "podSelector": {"matchLabels": {"app": name}},
            "policyTypes": ["Ingress"],
            "ingress": rules,
        },
    }
