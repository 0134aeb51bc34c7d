"""The registry in the cluster. Names, ports and pull address are AI Runway's (gguf-build.md §3).

What differs, and why: it has two sides, one for pushes with a login and one for nodes that only reads, as
whoever reaches a node reaches a NodePort, and both once more for images of private models
(`registry_config`); the images are on a claim, so that they outlive the pod; the processes are not root and
have no rights; one pod at a time, because the claim is for one; and each start frees what was deleted before,
as that is safe only while nobody pushes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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
    PRIVATE_READER,
    PRIVATE_WRITER,
    READER,
    READERS_FOLDER,
    WRITER,
    reader_config,
    writer_config,
)
from airunway.modelimage.registry_login import HTPASSWD

CONFIG_ANNOTATION = "airunway.ai/config"
"""On the pod: digest of its configuration, so that another one rolls it."""
LINEAGE_ANNOTATION = "airunway.ai/login"
"""On the pod: which logins it knows. New ones of the same lineage reach it without a restart."""
FREED_ANNOTATION = "airunway.ai/freed-at"
"""On the pod: when images were last removed; another value starts it again, which frees their room."""

PUBLIC_IMAGES, PRIVATE_IMAGES = "public", "private"
"""Folders of the volume; who mounts one does not see the other."""

_USER = 65532
PRIVATE_DATA = f"{DATA}-private"


@dataclass(frozen=True, kw_only=True)
class _Process:
    """One process of the pod. `logins`: folder of the Secret with those it lets in; empty: everybody."""

    name: str
    config: str
    port: int
    images: str
    writes: bool
    logins: str

    @property
    def data(self) -> str:
        """Where it has its images."""
        return PRIVATE_DATA if self.images == PRIVATE_IMAGES else DATA

    @property
    def config_text(self) -> str:
        """What it is told."""
        htpasswd = f"{self.logins}/{HTPASSWD}" if self.logins else ""
        make = writer_config if self.writes else reader_config
        return make(address=f":{self.port}", data=self.data, htpasswd=htpasswd)


_PROCESSES = (
    _Process(
        name="registry",
        config=WRITER,
        port=names.REGISTRY_PORT,
        images=PUBLIC_IMAGES,
        writes=True,
        logins=LOGIN_FOLDER,
    ),
    _Process(
        name="pulls",
        config=READER,
        port=names.REGISTRY_PULL_PORT,
        images=PUBLIC_IMAGES,
        writes=False,
        logins="",
    ),
    _Process(
        name="private",
        config=PRIVATE_WRITER,
        port=names.REGISTRY_PRIVATE_PORT,
        images=PRIVATE_IMAGES,
        writes=True,
        logins=LOGIN_FOLDER,
    ),
    _Process(
        name="private-reads",
        config=PRIVATE_READER,
        port=names.REGISTRY_PRIVATE_READS_PORT,
        images=PRIVATE_IMAGES,
        writes=False,
        logins=READERS_FOLDER,
    ),
)
_SECRETS = {LOGIN_FOLDER: ("login", names.REGISTRY_LOGIN), READERS_FOLDER: ("readers", names.PRIVATE_PULLS)}
"""By where it is mounted: name of the volume, and Secret."""
# There is nothing to collect in a volume that is new, and no trouble with it is worth staying away.
_COLLECT = "; ".join(
    f"registry garbage-collect {CONFIG_FOLDER}/{one.config} || true" for one in _PROCESSES if one.writes
)


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
    return {process.config: process.config_text for process in _PROCESSES}


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
    hashes = [{"key": HTPASSWD, "path": HTPASSWD}]
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
                **_common(image, *(process for process in _PROCESSES if process.writes)),
                "command": ["/bin/sh", "-c", _COLLECT],
            }
        ],
        "containers": [_container(process, image) for process in _PROCESSES],
        "volumes": [
            data_volume("registry-data", _claim(), size=options.registry_volume, options=options),
            {"name": "config", "configMap": {"name": f"{names.REGISTRY}-config"}},
            *(
                {"name": volume, "secret": {"secretName": secret, "items": hashes}}
                for volume, secret in _SECRETS.values()
            ),
        ],
    }


def _container(process: _Process, image: str) -> dict[str, Any]:
    # A login keeps everybody from `/v2/`, the kubelet too: that it listens is all that can be asked.
    probe: dict[str, Any] = {"tcpSocket": {"port": process.port}}
    return {
        "name": process.name,
        **_common(image, process),
        "command": ["registry", "serve", f"{CONFIG_FOLDER}/{process.config}"],
        "ports": [{"containerPort": process.port, "protocol": "TCP"}],
        "livenessProbe": {**probe, "initialDelaySeconds": 5, "periodSeconds": 10},
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
    }


def _common(image: str, *processes: _Process) -> dict[str, Any]:
    """What the container of a process has, or one that stands in for several."""
    mounts: list[dict[str, Any]] = [{"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True}]
    for process in processes:
        images = {"name": "registry-data", "mountPath": process.data, "subPath": process.images}
        mounts.append(images if process.writes else {**images, "readOnly": True})
    # As a folder, not as a file: only so a renewed login arrives while the pod runs.
    for folder in sorted({process.logins for process in processes} - {""}):
        mounts.append({"name": _SECRETS[folder][0], "mountPath": folder, "readOnly": True})
    idle = all(process.images == PRIVATE_IMAGES for process in processes)
    return {
        "image": image,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"} if idle else {"cpu": "50m", "memory": "128Mi"},
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
    """For who has a login: builder and worker, and for what is private `airunway private-pulls`."""
    named = (process for process in _PROCESSES if process.logins)
    ports = [{"name": each.name, "port": each.port, "targetPort": each.port} for each in named]
    return _service(names.REGISTRY, "ClusterIP", ports, options)


def _pull_service(options: ClusterOptions) -> dict[str, Any]:
    port = {"name": "pulls", "port": names.REGISTRY_PORT, "targetPort": names.REGISTRY_PULL_PORT}
    return _service(names.REGISTRY_PULL, "NodePort", [{**port, "nodePort": options.node_port}], options)


def _service(name: str, kind: str, ports: list[dict[str, Any]], options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels_of(names.REGISTRY)},
        "spec": {
            "type": kind,
            "selector": {"app": names.REGISTRY},
            "ports": [{**port, "protocol": "TCP"} for port in ports],
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
            ingress_rule(names.REGISTRY_PRIVATE_PORT, from_our_pods(builder)),
            ingress_rule(names.REGISTRY_PRIVATE_READS_PORT, from_our_pods()),
            ingress_rule(names.REGISTRY_PULL_PORT, from_our_pods(*readers) if readers else []),
        ],
        options=options,
    )
