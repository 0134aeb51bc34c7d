"""What the pod of a model server may hold, field by field of PodSpec.

Source: Kubernetes' PodSpec and Container, and its Pod Security Standard `baseline`; this is narrower.

Apart from `shapes` because it is one long table: every field of a pod stands here, safe or with its reason.
`tests/providers/test_pod_shape.py` fails when Kubernetes has one that does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.paths import Path
from airunway.provider.shapes import NotInShape, Shape, anything, each, fields, never, only

_NODE = "would reach into the node"
_ACCOUNT = "would give the pod an account's rights"
_PLACE = "is the cluster's scheduling to decide"
_STORE = "would mount what is not the namespace's own"
_UNCONFINED_PREFIXES = {
    "container.apparmor.security.beta.kubernetes.io/": ("runtime/default", "localhost/"),
    "seccomp.security.alpha.kubernetes.io/": ("runtime/default", "docker/default", "localhost/"),
    "container.seccomp.security.alpha.kubernetes.io/": ("runtime/default", "docker/default", "localhost/"),
}
_INJECTED = ("sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount")
"""Volumes of any kind, which Istio's webhook puts into the pod."""

_PROFILE = fields(
    {"type": only("RuntimeDefault", "Localhost", why="must stay confined"), "localhostProfile": anything}
)
_USER: Mapping[str, Shape] = {
    "runAsGroup": anything,
    "runAsNonRoot": anything,
    "runAsUser": anything,
    "seccompProfile": _PROFILE,
    "appArmorProfile": _PROFILE,
    "seLinuxOptions": never(_NODE),
    "windowsOptions": never(_NODE),
}
POD_SECURITY = fields(
    {
        **_USER,
        "fsGroup": anything,
        "fsGroupChangePolicy": anything,
        "supplementalGroups": anything,
        "supplementalGroupsPolicy": anything,
        "seLinuxChangePolicy": anything,
        "sysctls": never(_NODE),
    }
)
CONTAINER_SECURITY = fields(
    {
        **_USER,
        "allowPrivilegeEscalation": only(False),
        "capabilities": fields({"drop": anything, "add": each(only("NET_BIND_SERVICE"))}),
        "privileged": only(False, why="would give the container the node"),
        "procMount": only("Default"),
        "readOnlyRootFilesystem": anything,
    }
)

_HANDLER: Mapping[str, Shape] = {
    "exec": anything,
    "grpc": fields({"port": anything, "service": anything}),
    # No `host`: the kubelet would call any address for the pod.
    "httpGet": fields({"path": anything, "port": anything, "scheme": anything, "httpHeaders": anything}),
    "tcpSocket": fields({"port": anything}),
}
PROBE = fields(
    {
        **_HANDLER,
        **dict.fromkeys(
            (
                "initialDelaySeconds",
                "periodSeconds",
                "timeoutSeconds",
                "successThreshold",
                "failureThreshold",
                "terminationGracePeriodSeconds",
            ),
            anything,
        ),
    }
)
_LIFECYCLE = fields(
    {
        "postStart": fields({**_HANDLER, "sleep": anything}),
        "preStop": fields({**_HANDLER, "sleep": anything}),
        "stopSignal": anything,
    }
)
RESOURCES = fields({"limits": anything, "requests": anything, "claims": never("would claim devices (DRA)")})

CONTAINER_FIELDS: Mapping[str, Shape] = {
    **dict.fromkeys(
        (
            *("name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom"),
            *("resizePolicy", "stdin", "stdinOnce", "tty"),
            *("terminationMessagePath", "terminationMessagePolicy"),
        ),
        anything,
    ),
    "ports": each(
        fields(
            {
                "name": anything,
                "containerPort": anything,
                "protocol": anything,
                "hostPort": never("would take a port of the node"),
                "hostIP": never("would take an address of the node"),
            }
        )
    ),
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "startupProbe": PROBE,
    "lifecycle": _LIFECYCLE,
    "resources": RESOURCES,
    "securityContext": CONTAINER_SECURITY,
    "volumeDevices": never("would open a block device"),
    "volumeMounts": each(
        fields(
            {
                **dict.fromkeys(
                    ("name", "mountPath", "readOnly", "subPath", "subPathExpr", "recursiveReadOnly"), anything
                ),
                "mountPropagation": only("None", why="would share mounts with the node"),
            }
        )
    ),
    "restartPolicy": never("is for init containers"),
    "restartPolicyRules": never("is for init containers"),
}
CONTAINER = fields(CONTAINER_FIELDS)

_EMPTY_DIR = fields({"medium": anything, "sizeLimit": anything})
SAFE_VOLUMES = ("configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "secret")
UNSAFE_VOLUMES = {
    "hostPath": "would mount the node's files",
    "projected": "may hold tokens of the pod's account; use configMap, secret or downwardAPI",
    "ephemeral": "would make a claim that no ceiling sees; use spec.model.storage",
    "csi": _STORE,
    "image": "would mount an image that nobody has checked",
}
VOLUME = fields(
    {
        "name": anything,
        **dict.fromkeys(SAFE_VOLUMES, anything),
        "emptyDir": _EMPTY_DIR,
        **{key: never(why) for key, why in UNSAFE_VOLUMES.items()},
    }
)

SAFE_POD_FIELDS = (
    *("activeDeadlineSeconds", "affinity", "dnsConfig", "enableServiceLinks", "hostAliases", "hostname"),
    *("imagePullSecrets", "nodeSelector", "os", "readinessGates", "restartPolicy", "schedulerName"),
    *("setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds"),
    *("tolerations", "topologySpreadConstraints"),
)
FORBIDDEN_POD_FIELDS: Mapping[str, str] = {
    "ephemeralContainers": "would add a container past the template",
    "evictionResponders": _PLACE,
    "hostnameOverride": "would let the pod pass for another host",
    "initContainers": "would run before the server, with what it never declares",
    "nodeName": "would pass by the scheduler",
    "overhead": "belongs to a runtime class",
    "preemptionPolicy": _PLACE,
    "priority": _PLACE,
    "priorityClassName": "would push other pods off their nodes",
    "resourceClaims": "would claim devices (DRA)",
    "runtimeClassName": "would choose how the node isolates the pod",
    "schedulingGates": _PLACE,
    "schedulingGroup": _PLACE,
    "serviceAccount": _ACCOUNT,
    "serviceAccountName": _ACCOUNT,
    "workloadRef": _PLACE,
}
POD_FIELDS: Mapping[str, Shape] = {
    **dict.fromkeys(SAFE_POD_FIELDS, anything),
    **{key: never(why) for key, why in FORBIDDEN_POD_FIELDS.items()},
    "automountServiceAccountToken": only(False, why=_ACCOUNT),
    "containers": each(CONTAINER),
    "dnsPolicy": only("ClusterFirst", "Default", "None", why="would use the node's network"),
    "hostIPC": only(False, why="would share the node's memory"),
    "hostNetwork": only(False, why="would join the node's network"),
    "hostPID": only(False, why="would see the node's processes"),
    "hostUsers": only(False, True),
    "resources": RESOURCES,
    "securityContext": POD_SECURITY,
    "volumes": each(VOLUME),
}
POD = fields(POD_FIELDS)


def pod_annotations(value: Any, at: Path) -> Iterator[NotInShape]:
    """Annotations of a pod; those that once said how it is confined must not say that it is not, and none
    has a webhook mount what this table forbids."""
    for key, text in value.items() if isinstance(value, Mapping) else ():
        if key in _INJECTED:
            yield NotInShape(path=(*at, key), why=_STORE)
        for prefix, confined in _UNCONFINED_PREFIXES.items():
            if key.startswith(prefix) and not (isinstance(text, str) and text.startswith(confined)):
                yield NotInShape(path=(*at, key), why="must stay confined")


POD_METADATA = fields({"labels": anything, "annotations": pod_annotations, "creationTimestamp": anything})
POD_TEMPLATE = fields({"metadata": POD_METADATA, "spec": POD})
"""A template of pods as a Deployment has it."""
