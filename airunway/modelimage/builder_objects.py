"""BuildKit in the cluster, as a Deployment of its own: no docker, no `exec` into pods.

It listens with TLS and takes only clients with a certificate of the same authority (`BUILDER_CERTIFICATES`).
Our builds run no command inside the images, but BuildKit mounts file systems: without `rootless` it is
privileged, with it the node must allow user namespaces. Either way it needs a namespace that admits
`privileged` pods: one of its own, where nothing else runs.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from airunway.api import names
from airunway.modelimage.cluster_options import (
    ClusterOptions,
    claim_of,
    data_volume,
    deployment_of,
    ingress_rule,
    labels_of,
    network_policy,
    pods_in,
)

BUILDER_CERTIFICATES = f"{names.BUILDER}-certs"
"""Secret: `ca.crt`, `ca.key`, and certificate and key of server (`tls`) and client (`client`)."""
CERTIFICATES_ANNOTATION = "airunway.ai/certificate"
"""On the pod: digest of the server's certificate, so that a renewed one rolls it."""
CONFIG_ANNOTATION = "airunway.ai/config"
"""On the pod: digest of its configuration, for the same reason."""

_CERTIFICATES = "/certs"
_CONFIG = "/etc/airunway-buildkit/buildkitd.toml"
_ROOT_DATA, _USER_DATA = "/var/lib/buildkit", "/home/user/.local/share/buildkit"
_ROOT_SOCKET = "unix:///run/buildkit/buildkitd.sock"
_USER_SOCKET = "unix:///run/user/1000/buildkit/buildkitd.sock"
_USER = 1000
# Of the volume: the rest is for what is being built and cannot be collected.
_CACHE_SHARE = 0.75


def builder_objects(options: ClusterOptions, *, image: str, certificate: str) -> list[dict[str, Any]]:
    """Everything in the order of creation. `certificate`: digest of the one that the server shows."""
    options = options.for_builder()
    clients = pods_in(options.client_namespace, {"app.kubernetes.io/name": "airunway"})
    objects = [
        _config(options),
        _deployment(options, image, certificate),
        _service(options),
        network_policy(names.BUILDER, rules=[ingress_rule(names.BUILDER_PORT, [clients])], options=options),
    ]
    if not options.empty_dir:
        objects.insert(0, claim_of(_claim(), size=options.builder_volume, options=options))
    return objects


def builder_image(options: ClusterOptions) -> str:
    """The image, of the rootless flavour if that is wanted."""
    image = options.builder_image
    is_plain = options.rootless and "@" not in image and not image.endswith("-rootless")
    return f"{image}-rootless" if is_plain else image


def builder_host(options: ClusterOptions) -> str:
    """Name of the builder's Service, which its certificate is for."""
    return f"{names.BUILDER}.{options.builder_namespace}.svc"


def buildkit_config(options: ClusterOptions) -> str:
    """`buildkitd.toml`: the registry speaks plain HTTP, and the cache is collected."""
    most = int(options.builder_bytes * _CACHE_SHARE)
    return "\n".join(
        [
            "[worker.oci]",
            "  enabled = true",
            "  gc = true",
            "[[worker.oci.gcpolicy]]",
            "  all = true",
            *([f"  maxUsedSpace = {most}"] if most else []),
            '  minFreeSpace = "5%"',
            "[worker.containerd]",
            "  enabled = false",
            *(
                line
                for host in sorted({options.push_host, options.private_push_host} - {""})
                if options.push_insecure
                for line in (f"[registry.{json.dumps(host)}]", "  http = true")
            ),
            "",
        ]
    )


def _claim() -> str:
    return f"{names.BUILDER}-cache"


def _config(options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{names.BUILDER}-config",
            "namespace": options.namespace,
            "labels": labels_of(names.BUILDER),
        },
        "data": {"buildkitd.toml": buildkit_config(options)},
    }


def _config_digest(options: ClusterOptions) -> str:
    return hashlib.sha256(buildkit_config(options).encode()).hexdigest()[:16]


def _deployment(options: ClusterOptions, image: str, certificate: str) -> dict[str, Any]:
    annotations = {CERTIFICATES_ANNOTATION: certificate, CONFIG_ANNOTATION: _config_digest(options)}
    pod = {
        **({"securityContext": {"fsGroup": _USER}} if options.rootless else {}),
        "containers": [_container(options, image)],
        "volumes": [
            data_volume("cache", _claim(), size=options.builder_volume, options=options),
            {"name": "config", "configMap": {"name": f"{names.BUILDER}-config"}},
            {
                "name": "certs",
                "secret": {
                    "secretName": BUILDER_CERTIFICATES,
                    "items": [{"key": key, "path": key} for key in ("ca.crt", "tls.crt", "tls.key")],
                },
            },
        ],
    }
    return deployment_of(names.BUILDER, pod=pod, options=options, annotations=annotations)


def _container(options: ClusterOptions, image: str) -> dict[str, Any]:
    socket = _USER_SOCKET if options.rootless else _ROOT_SOCKET
    probe = {
        "exec": {"command": ["buildctl", "--addr", socket, "debug", "workers"]},
        "initialDelaySeconds": 5,
        "periodSeconds": 30,
        "timeoutSeconds": 60,
        "failureThreshold": 3,
    }
    return {
        "name": "buildkitd",
        "image": image,
        "args": [
            f"--config={_CONFIG}",
            f"--addr={socket}",
            f"--addr=tcp://0.0.0.0:{names.BUILDER_PORT}",
            f"--tlscacert={_CERTIFICATES}/ca.crt",
            f"--tlscert={_CERTIFICATES}/tls.crt",
            f"--tlskey={_CERTIFICATES}/tls.key",
            *(["--oci-worker-no-process-sandbox"] if options.rootless else []),
        ],
        "ports": [{"name": "grpc", "containerPort": names.BUILDER_PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "initialDelaySeconds": 30},
        "securityContext": _security(options),
        "volumeMounts": [
            {"name": "cache", "mountPath": _USER_DATA if options.rootless else _ROOT_DATA},
            {"name": "config", "mountPath": _CONFIG.rpartition("/")[0], "readOnly": True},
            {"name": "certs", "mountPath": _CERTIFICATES, "readOnly": True},
        ],
    }


def _security(options: ClusterOptions) -> dict[str, Any]:
    if not options.rootless:
        return {"privileged": True}
    return {
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }


def _service(options: ClusterOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": names.BUILDER,
            "namespace": options.namespace,
            "labels": labels_of(names.BUILDER),
        },
        "spec": {
            "selector": {"app": names.BUILDER},
            "ports": [
                {
                    "name": "grpc",
                    "port": names.BUILDER_PORT,
                    "targetPort": names.BUILDER_PORT,
                    "protocol": "TCP",
                }
            ],
        },
    }
