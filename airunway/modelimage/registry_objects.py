"""The registry in the cluster. Names, ports and pull address are AI Runway's (gguf-build.md §3).

What differs, and why: it has two sides, one for pushes with a login and one for nodes that only reads, as
whoever reaches a node reaches a NodePort; the images are on a claim, so that they outlive the pod; the
process is not root and has no rights; one pod at a time, because the claim is for one; and each start frees
what was deleted before, as that is safe only while nobody pushes.
"""

from __future__ import annotations

import hashlib
from typing import Any

from airunway.api import names
from airunway.modelimage.cluster_options import (
    ClusterOptions,
    claim_of,
    data_volume,
    deployment_of,
    from_our_pods,
    ingress_rule,
    labels_of,
    network_policy,
    pods_in,
)
from airunway.modelimage.registry_config import (
    CONFIG_FOLDER,
    DATA,
    LOGIN_FOLDER,
    READER,
    WRITER,
    reader_config,
    writer_config,
)
from airunway.modelimage.registry_login import HTPASSWD

CONFIG_ANNOTATION = "airunway.ai/config"
"""On the pod: digest of its configuration, so that another one rolls it."""
LINEAGE_ANNOTATION = "airunway.ai/login"
"""On the pod: which logins it knows. A new one of the same lineage reaches it without a restart."""
FREED_ANNOTATION = "airunway.ai/freed-at"
"""On the pod: when images were last removed; another value starts it again, which frees their room."""

_USER = 65532
# There is nothing to collect in a volume that is new, and no trouble with it is worth staying away.
_COLLECT = f"registry garbage-collect {CONFIG_FOLDER}/{WRITER} || true"


def registry_objects(
    options: ClusterOptions, *, image: str, lineage: str, freed_at: str = ""
) -> list[dict[str, Any]]:
    """Everything in the order of creation.

    `image`: the server's, with its digest if that is known. `lineage`: of the login that it is to know.
    `freed_at`: when images were last removed.
    """
    annotations = {
        CONFIG_ANNOTATION: hashlib.sha256("".join(_configs().values()).encode()).hexdigest()[:16],
        LINEAGE_ANNOTATION: lineage,
        **({FREED_ANNOTATION: freed_at} if freed_at else {}),
    }
    objects = [
        _config(options),
        deployment_of(names.REGISTRY, pod=_pod(options, image), options=options, annotations=annotations),
        _push_service(options),
        _pull_service(options),
        _policy(options),
    ]
    if not options.empty_dir:
        objects.insert(0, claim_of(_claim(), size=options.registry_volume, options=options))
    return objects


def _claim() -> str:
    return f"{names.REGISTRY}-data"


def _configs() -> dict[str, str]:
    return {
        WRITER: writer_config(address=f":{names.REGISTRY_PORT}"),
        READER: reader_config(address=f":{names.REGISTRY_PULL_PORT}"),
    }


def _config(options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{names.REGISTRY}-config",
            "namespace": options.namespace,
            "labels": labels_of(names.REGISTRY),
        },
        "data": _configs(),
    }


def _pod(options: ClusterOptions, image: str) -> dict[str, Any]:
    login = {"secretName": names.REGISTRY_LOGIN, "items": [{"key": HTPASSWD, "path": HTPASSWD}]}
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            {
                "name": "collect-garbage",
                **_common(image, reads_only=False),
                "command": ["/bin/sh", "-c", _COLLECT],
            }
        ],
        "containers": [
            _container("registry", WRITER, names.REGISTRY_PORT, _common(image, reads_only=False)),
            _container("pulls", READER, names.REGISTRY_PULL_PORT, _common(image, reads_only=True)),
        ],
        "volumes": [
            data_volume("registry-data", _claim(), size=options.registry_volume, options=options),
            {"name": "config", "configMap": {"name": f"{names.REGISTRY}-config"}},
            {"name": "login", "secret": login},
        ],
    }


def _container(name: str, config: str, port: int, common: dict[str, Any]) -> dict[str, Any]:
    # A login keeps everybody from `/v2/`, the kubelet too: that it listens is all that can be asked.
    probe: dict[str, Any] = {"tcpSocket": {"port": port}}
    return {
        "name": name,
        **common,
        "command": ["registry", "serve", f"{CONFIG_FOLDER}/{config}"],
        "ports": [{"containerPort": port, "protocol": "TCP"}],
        "livenessProbe": {**probe, "initialDelaySeconds": 5, "periodSeconds": 10},
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
    }


def _common(image: str, *, reads_only: bool) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [
        {"name": "registry-data", "mountPath": DATA, **({"readOnly": True} if reads_only else {})},
        {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
    ]
    if not reads_only:
        # As a folder, not as a file: only so a renewed login arrives while the pod runs.
        mounts.append({"name": "login", "mountPath": LOGIN_FOLDER, "readOnly": True})
    return {
        "image": image,
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _push_service(options: ClusterOptions) -> dict[str, Any]:
    port = {"name": "registry", "port": names.REGISTRY_PORT, "targetPort": names.REGISTRY_PORT}
    return _service(names.REGISTRY, "ClusterIP", port, options)


def _pull_service(options: ClusterOptions) -> dict[str, Any]:
    port = {"name": "pulls", "port": names.REGISTRY_PORT, "targetPort": names.REGISTRY_PULL_PORT}
    return _service(names.REGISTRY_PULL, "NodePort", {**port, "nodePort": options.node_port}, options)


def _service(name: str, kind: str, port: dict[str, Any], options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels_of(names.REGISTRY)},
        "spec": {
            "type": kind,
            "selector": {"app": names.REGISTRY},
            "ports": [{**port, "protocol": "TCP"}],
        },
    }


def _policy(options: ClusterOptions) -> dict[str, Any]:
    """Pushes come from the builder and us. Pulls come from nodes, whose addresses only a setting knows."""
    builder = pods_in(options.builder_namespace, {"app": names.BUILDER})
    readers: list[dict[str, object]] = [{"ipBlock": {"cidr": cidr}} for cidr in options.registry_readers]
    return network_policy(
        names.REGISTRY,
        rules=[
            ingress_rule(names.REGISTRY_PORT, from_our_pods(builder)),
            ingress_rule(names.REGISTRY_PULL_PORT, from_our_pods(*readers) if readers else []),
        ],
        options=options,
    )
