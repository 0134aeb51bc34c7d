"""Paths that tenants may override in any provider's pods: how a server runs, not its rights or its size.

Left out on purpose, although they can be rendered: `resources`, `replicas` (the spec sizes a deployment) and
security contexts (the worker's settings say those).
"""

from __future__ import annotations

_CONTAINER = (
    *("name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "ports"),
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "volumeMounts"),
    *("terminationMessagePath", "terminationMessagePolicy"),
)
_POD = (
    *("affinity", "dnsConfig", "hostAliases", "imagePullSecrets", "nodeSelector", "schedulerName"),
    *("terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints"),
)
_VOLUMES = ("name", "configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "secret")

ROLL_OUT = (
    *("spec.strategy.type", "spec.strategy.rollingUpdate.maxSurge"),
    "spec.strategy.rollingUpdate.maxUnavailable",
    *("spec.minReadySeconds", "spec.progressDeadlineSeconds", "spec.revisionHistoryLimit"),
)
"""How a Deployment rolls out."""


def metadata_paths(at: str) -> tuple[str, ...]:
    """Labels and annotations of a template at a path."""
    return (f"{at}.labels", f"{at}.annotations")


def container_paths(at: str) -> tuple[str, ...]:
    """Of one container."""
    return tuple(f"{at}.{key}" for key in _CONTAINER)


def pod_paths(at: str) -> tuple[str, ...]:
    """Of a PodSpec, its containers included."""
    return (
        *(f"{at}.{key}" for key in _POD),
        *container_paths(f"{at}.containers.*"),
        *(f"{at}.volumes.*.{key}" for key in _VOLUMES),
    )


def template_paths(at: str) -> tuple[str, ...]:
    """Of a template of pods."""
    return (*metadata_paths(f"{at}.metadata"), *pod_paths(f"{at}.spec"))
