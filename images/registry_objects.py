"""The registry in the cluster. Names, ports and pull address are AI Runway's (gguf-build.md §3).

What differs, and why: the images are on a claim, so that they outlive the pod; the process is not root and
has no rights; one pod at a time, because the claim is for one.
"""

from __future__ import annotations

from typing import Any

from api import names
from images.cluster_options import (
    ClusterOptions,
    claim_of,
    data_volume,
    from_our_pods,
    labels_of,
    network_policy,
)

DATA = "/var/lib/registry"
_USER = 65532


def registry_objects(options: ClusterOptions, *, image: str) -> list[dict[str, Any]]:
    """Everything in the order of creation. `image`: the server's, with its digest if that is known."""
    objects = [_deployment(options, image), _service(options)]
    if not options.empty_dir:
        objects.insert(0, claim_of(_claim(), size=options.registry_volume, options=options))
    if options.registry_readers:
        peers: list[dict[str, Any]] = [{"podSelector": {"matchLabels": {"app": names.BUILDER}}}]
        peers += [{"ipBlock": {"cidr": cidr}} for cidr in options.registry_readers]
        objects.append(
            network_policy(
                names.REGISTRY, port=names.REGISTRY_PORT, peers=from_our_pods(*peers), options=options
            )
        )
    return objects


def _claim() -> str:
    return f"{names.REGISTRY}-data"


def _deployment(options: ClusterOptions, image: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/v2/", "port": names.REGISTRY_PORT}}
    container = {
        "name": "registry",
        "image": image,
        "ports": [{"containerPort": names.REGISTRY_PORT, "protocol": "TCP"}],
        "env": [{"name": "REGISTRY_STORAGE_DELETE_ENABLED", "value": "true"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        },
        "livenessProbe": {**probe, "initialDelaySeconds": 5, "periodSeconds": 10},
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "registry-data", "mountPath": DATA}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names.REGISTRY,
            "namespace": options.namespace,
            "labels": labels_of(names.REGISTRY),
        },
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": names.REGISTRY}},
            "template": {
                "metadata": {"labels": {"app": names.REGISTRY}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "fsGroup": _USER,
                        "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [
                        data_volume("registry-data", _claim(), size=options.registry_volume, options=options)
                    ],
                },
            },
        },
    }


def _service(options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": names.REGISTRY,
            "namespace": options.namespace,
            "labels": labels_of(names.REGISTRY),
        },
        "spec": {
            "type": "NodePort",
            "selector": {"app": names.REGISTRY},
            "ports": [
                {
                    "name": "registry",
                    "port": names.REGISTRY_PORT,
                    "targetPort": names.REGISTRY_PORT,
                    "nodePort": options.node_port,
                    "protocol": "TCP",
                }
            ],
        },
    }
