"""The registry in the cluster. Names, ports and pull address are AI Runway's (gguf-build.md §3).

What differs, and why: the images are on a claim, so that they outlive the pod; the process is not root and
has no rights; one pod at a time, because the claim is for one; and each start frees what was deleted before,
as that is safe only while nobody pushes.
"""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.modelimage.cluster_options import (
    ClusterOptions,
    claim_of,
    data_volume,
    deployment_of,
    from_our_pods,
    labels_of,
    network_policy,
    pods_in,
)

DATA = "/var/lib/registry"
_USER = 65532
# Where the configuration is in the images of distribution v3 and v2. There is nothing to collect in a volume
# that is new, and no trouble with it is worth staying away.
_COLLECT = """
for config in /etc/distribution/config.yml /etc/docker/registry/config.yml; do
  if [ -f "$config" ]; then registry garbage-collect "$config" || true; exit 0; fi
done
"""


def registry_objects(options: ClusterOptions, *, image: str) -> list[dict[str, Any]]:
    """Everything in the order of creation. `image`: the server's, with its digest if that is known."""
    objects = [_deployment(options, image), _service(options)]
    if not options.empty_dir:
        objects.insert(0, claim_of(_claim(), size=options.registry_volume, options=options))
    if options.registry_readers:
        peers: list[dict[str, Any]] = [pods_in(options.builder_namespace, {"app": names.BUILDER})]
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
    pod = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [_collector(image)],
        "containers": [_container(image)],
        "volumes": [data_volume("registry-data", _claim(), size=options.registry_volume, options=options)],
    }
    return deployment_of(names.REGISTRY, pod=pod, options=options)


def _container(image: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/v2/", "port": names.REGISTRY_PORT}}
    return {
        "name": "registry",
        **_common(image),
        "ports": [{"containerPort": names.REGISTRY_PORT, "protocol": "TCP"}],
        "livenessProbe": {**probe, "initialDelaySeconds": 5, "periodSeconds": 10},
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
    }


def _collector(image: str) -> dict[str, Any]:
    return {"name": "collect-garbage", **_common(image), "command": ["/bin/sh", "-c", _COLLECT]}


def _common(image: str) -> dict[str, Any]:
    return {
        "image": image,
        "env": [{"name": "REGISTRY_STORAGE_DELETE_ENABLED", "value": "true"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "registry-data", "mountPath": DATA}],
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
