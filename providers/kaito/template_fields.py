"""Overrides of a Workspace's template that no pod has a field for, at any depth. Pure.

KAITO's definition leaves the template open, so the API server warns of nothing in it, and what Kubernetes
does not know is dropped without a word. The fields of pods and containers themselves are in
`provider.pod_shape`, which refuses others; here is what stands below those that it takes as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider import RenderError, overrides

Tree = Mapping[str, Any]


def _leaves(*names: str) -> Tree:
    return dict.fromkeys(names)


_REQUIRED, _PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
_EXPRESSION = _leaves("key", "operator", "values")
_SELECTOR: Tree = {"matchLabels": None, "matchExpressions": _EXPRESSION}
_NODES: Tree = {"matchExpressions": _EXPRESSION, "matchFields": _EXPRESSION}
_PODS: Tree = {
    **_leaves("namespaces", "topologyKey", "matchLabelKeys", "mismatchLabelKeys"),
    **dict.fromkeys(("labelSelector", "namespaceSelector"), _SELECTOR),
}
_NEAR_PODS: Tree = {_REQUIRED: _PODS, _PREFERRED: {"weight": None, "podAffinityTerm": _PODS}}
_FIELD, _KEY = _leaves("apiVersion", "fieldPath"), _leaves("name", "key", "optional")
_AMOUNT = _leaves("containerName", "resource", "divisor")
_FILES = _leaves("key", "path", "mode", "user")
_DEFAULTS = _leaves("defaultMode", "defaultUser")
_HANDLER: Tree = {"exec": _leaves("command"), "httpGet": {"httpHeaders": _leaves("name", "value")}}
_HOOK: Tree = {**_HANDLER, "sleep": _leaves("seconds")}
_HOOKS: Tree = {"postStart": _HOOK, "preStop": _HOOK}
_PROBES: Tree = dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _HANDLER)

CONTAINER: Tree = {
    "env": {
        **_leaves("name", "value"),
        "valueFrom": {
            **{"fieldRef": _FIELD, "resourceFieldRef": _AMOUNT},
            **dict.fromkeys(("configMapKeyRef", "secretKeyRef"), _KEY),
            "fileKeyRef": _leaves("volumeName", "path", "key", "optional"),
        },
    },
    "envFrom": {
        "prefix": None,
        **dict.fromkeys(("configMapRef", "secretRef"), _leaves("name", "optional")),
    },
    "resizePolicy": _leaves("resourceName", "restartPolicy"),
    "lifecycle": _HOOKS,
    **_PROBES,
}
VOLUME: Tree = {
    "configMap": {**_DEFAULTS, **_leaves("name", "optional"), "items": _FILES},
    "secret": {**_DEFAULTS, **_leaves("secretName", "optional"), "items": _FILES},
    "downwardAPI": {
        **_DEFAULTS,
        "items": {**_leaves("path", "mode", "user"), "fieldRef": _FIELD, "resourceFieldRef": _AMOUNT},
    },
    "persistentVolumeClaim": _leaves("claimName", "readOnly"),
}
POD: Tree = {
    "affinity": {
        "nodeAffinity": {
            _REQUIRED: {"nodeSelectorTerms": _NODES},
            _PREFERRED: {"weight": None, "preference": _NODES},
        },
        **dict.fromkeys(("podAffinity", "podAntiAffinity"), _NEAR_PODS),
    },
    "dnsConfig": {**_leaves("nameservers", "searches"), "options": _leaves("name", "value")},
    "hostAliases": _leaves("ip", "hostnames"),
    "imagePullSecrets": _leaves("name"),
    "os": _leaves("name"),
    "readinessGates": _leaves("conditionType"),
    "tolerations": _leaves("key", "operator", "value", "effect", "tolerationSeconds"),
    "topologySpreadConstraints": {
        **_leaves("maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains"),
        **_leaves("nodeAffinityPolicy", "nodeTaintsPolicy", "matchLabelKeys"),
        "labelSelector": _SELECTOR,
    },
    "containers": CONTAINER,
    "volumes": VOLUME,
}
"""None: anything may stand there. A list has the fields of its entries."""
_SHAPED = (POD, CONTAINER, VOLUME, _HANDLER, _HANDLER["httpGet"], _HOOKS, _HOOK)
"""Of these `provider.pod_shape` knows the other fields."""


def unknown_overrides(deployment: ModelDeployment) -> list[str]:
    """Paths of the overrides that a pod has no field for; of a shape that is refused, none."""
    try:
        part: Any = overrides.overrides_of(deployment)
    except RenderError:
        return []
    way = ("inference", "template", "spec")
    for key in way:
        part = part.get(key) if isinstance(part, Mapping) else None
    return list(_unknown(part, POD, f"{FIELD}.{'.'.join(way)}"))


def _unknown(value: Any, known: Tree, at: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _unknown(entry, known, f"{at}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key in known:
                if known[key] is not None:
                    yield from _unknown(item, known[key], f"{at}.{key}")
            elif item is not None and not any(known is tree for tree in _SHAPED):
                yield f"{at}.{key}"
