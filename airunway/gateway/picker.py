"""The endpoint picker of a deployment: six objects. Pure. Source: gateway.md §8.

It chooses the pod for each request; the Gateway asks it by Envoy's external processing. What it may do is
read pods and pools of its namespace.
"""

from __future__ import annotations

import hashlib
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.pull_secrets import pull_secret_names
from airunway.gateway.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    POOL_GROUP,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from airunway.gateway.naming import (
    LABEL_MANAGED_BY,
    LABEL_PUBLISHES,
    MANAGED_BY,
    PICKER_CONFIG_KEY,
    PICKER_HEALTH_PORT,
    PICKER_PORT,
    picker_name,
)
from airunway.gateway.objects import Object, head
from airunway.gateway.versions import DEFAULT_IMAGE

DEFAULT_CONFIG = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
ANNOTATION_CONFIG = "airunway.ai/picker-config"
"""On the picker's pods: a digest of its configuration, so that another one starts them anew."""

_RIGHTS: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch", "list"]},
    {"apiGroups": [POOL_GROUP], "resources": ["inferencepools"], "verbs": ["get", "watch", "list"]},
    {
        "apiGroups": ["inference.networking.x-k8s.io"],
        "resources": ["inferenceobjectives", "inferencemodelrewrites"],
        "verbs": ["get", "watch", "list"],
    },
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
]
_HEALTH = {"port": PICKER_HEALTH_PORT, "service": "inference-extension"}


def picker_objects(deployment: ModelDeployment, *, image: str, config: str) -> list[Object]:
    """In the order in which they are written. `image`, `config`: empty for the default ones."""
    name, text = picker_name(deployment.name), config or DEFAULT_CONFIG
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": deployment.name,
        LABEL_MANAGED_BY: MANAGED_BY,
    }
    account = head(SERVICE_ACCOUNT, deployment, name=name)
    role = {**head(ROLE, deployment, name=name), "rules": _RIGHTS}
    binding = {
        **head(ROLE_BINDING, deployment, name=name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": deployment.namespace}],
    }
    options = {**head(CONFIG_MAP, deployment, name=name), "data": {PICKER_CONFIG_KEY: text}}
    workload = head(DEPLOYMENT, deployment, name=name)
    workload["spec"] = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {
                "labels": {**_own_labels(deployment), **labels},
                "annotations": {**deployment.pod_annotations, ANNOTATION_CONFIG: _digest(text)},
            },
            "spec": _pod_spec(deployment, name, image or DEFAULT_IMAGE),
        },
    }
    port = {
        "name": "grpc-ext-proc",
        "protocol": "TCP",
        "port": PICKER_PORT,
        "targetPort": PICKER_PORT,
        "appProtocol": "kubernetes.io/h2c",
    }
    service = head(SERVICE, deployment, name=name)
    service["spec"] = {"type": "ClusterIP", "selector": labels, "ports": [port]}
    made = [account, role, binding, options, workload, service]
    for part in made:  # by which the watcher finds them
        part["metadata"]["labels"] = {LABEL_PUBLISHES: deployment.name}
    return made


def _pod_spec(deployment: ModelDeployment, name: str, image: str) -> dict[str, Any]:
    arguments = [
        *("--pool-name", deployment.name, "--pool-namespace", deployment.namespace),
        *("--zap-encoder", "json", "--config-file", f"/config/{PICKER_CONFIG_KEY}", "--tracing=false"),
    ]
    container = {
        "name": "epp",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "ports": [
            {"name": "grpc", "containerPort": PICKER_PORT, "protocol": "TCP"},
            {"name": "grpc-health", "containerPort": PICKER_HEALTH_PORT, "protocol": "TCP"},
        ],
        "env": [
            {"name": variable, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}
            for variable, field in (("NAMESPACE", "namespace"), ("POD_NAME", "name"))
        ],
        "livenessProbe": {
            "grpc": _HEALTH,
            "initialDelaySeconds": 30,
            "periodSeconds": 10,
            "failureThreshold": 5,
        },
        "readinessProbe": {"grpc": _HEALTH, "initialDelaySeconds": 10, "periodSeconds": 5},
        "volumeMounts": [{"name": "plugins-config", "mountPath": "/config"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        **_placing(deployment),
        "enableServiceLinks": False,
        "serviceAccountName": name,
        "terminationGracePeriodSeconds": 130,
        "volumes": [{"name": "plugins-config", "configMap": {"name": name}}],
        "containers": [container],
    }


def _placing(deployment: ModelDeployment) -> dict[str, Any]:
    """Where its pods may run, and what their images are pulled with, as of every pod made for it."""
    spec = deployment.spec
    secrets = pull_secret_names(deployment.metadata.annotations)
    given = {
        "nodeSelector": dict(spec.node_selector or {}),
        "tolerations": [entry.dump() for entry in spec.tolerations or ()],
        "imagePullSecrets": [{"name": secret} for secret in secrets],
    }
    return {key: value for key, value in given.items() if value}


def _own_labels(deployment: ModelDeployment) -> dict[str, str]:
    """The user's labels, but for what the deployment's Service may select its servers by."""
    return {key: value for key, value in deployment.pod_labels.items() if value != deployment.name}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
