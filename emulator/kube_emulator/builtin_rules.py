"""Checks built-in objects: the rules a client of this project can run into, not all of Kubernetes' own.

Source: k8s.io/kubernetes/pkg/apis/*/validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import causes, pod_rules
from .container_rules import PORT_RANGE
from .errors import Cause
from .kinds import Kind

Obj = Mapping[str, Any]
_NONE = (0, "0%")
_SUBJECTS = ("ServiceAccount", "User", "Group")


def check(kind: Kind, obj: Obj, live: Obj | None) -> list[Cause]:
    """Everything wrong with a new object, or with the change of a live one."""
    found: list[Cause] = []
    if rule := _RULES.get(kind.kind):
        found += rule(obj)
    if live is not None and (change := _CHANGES.get(kind.kind)):
        found += change(obj, live)
    return found


def _immutable(new: Obj, old: Obj, *paths: str) -> Iterator[Cause]:
    for path in paths:
        was, now = _at(old, path), _at(new, path)
        if was != now:
            yield causes.invalid(path, now, causes.IMMUTABLE)


def _at(obj: Any, path: str) -> Any:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, Mapping) else None
    return obj


def _workload(obj: Obj) -> Iterator[Cause]:
    spec = obj["spec"]
    labels = _at(spec, "template.metadata.labels") or {}
    selector = spec.get("selector")
    if selector is None:
        yield causes.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield causes.invalid("spec.selector", selector, "empty selector is invalid for deployment")
    wanted = (selector or {}).get("matchLabels") or {}
    if selector is None or any(labels.get(key) != value for key, value in wanted.items()):
        yield causes.invalid(
            "spec.template.metadata.labels", labels or None, "`selector` does not match template `labels`"
        )
    if (spec.get("replicas") or 0) < 0:
        yield causes.invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0")
    yield from pod_rules.check(_at(spec, "template.spec") or {}, "spec.template.spec")


_NOT_NEGATIVE = "must be greater than or equal to 0"


def _template_that_serves(spec: Obj) -> Iterator[Cause]:
    """Of pods that are started again for ever."""
    pod, path = _at(spec, "template.spec") or {}, "spec.template.spec"
    if (restart := pod.get("restartPolicy", "Always")) != "Always":
        yield causes.not_supported(f"{path}.restartPolicy", restart, ["Always"])
    if pod.get("activeDeadlineSeconds") is not None:
        yield causes.forbidden(
            f"{path}.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )


def _pace(spec: Obj) -> Iterator[Cause]:
    """Of a Deployment: what is counted in seconds and revisions."""
    for field in ("minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"):
        if (spec.get(field) or 0) < 0:
            yield causes.invalid(f"spec.{field}", spec[field], _NOT_NEGATIVE)
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        yield causes.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _deployment(obj: Obj) -> Iterator[Cause]:
    yield from _workload(obj)
    yield from _template_that_serves(obj["spec"])
    yield from _pace(obj["spec"])
    strategy, path = obj["spec"]["strategy"], "spec.strategy"
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "Recreate":
        if rolling is not None:
            words = "may not be specified when strategy `type` is 'Recreate'"
            yield causes.forbidden(f"{path}.rollingUpdate", words)
    elif strategy["type"] == "RollingUpdate":
        yield from _rolling(rolling, f"{path}.rollingUpdate")
    else:
        shown = {"Type": strategy["type"], "RollingUpdate": rolling}  # Go's own form
        yield causes.not_supported(path, shown, ["Recreate", "RollingUpdate"])


_PERCENT_ERROR = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)


def _rolling(rolling: Obj, path: str) -> Iterator[Cause]:
    """How many pods may be missing, and how many more there may be."""
    for bound in ("maxUnavailable", "maxSurge"):
        given, where = rolling[bound], f"{path}.{bound}"
        if isinstance(given, str) and not re.fullmatch("[0-9]+%", given):
            yield causes.invalid(where, given, _PERCENT_ERROR)
        elif isinstance(given, str) and bound == "maxUnavailable" and int(given[:-1]) > 100:
            yield causes.invalid(where, given, "must not be greater than 100%")
        elif isinstance(given, int) and given < 0:
            yield causes.invalid(where, given, _NOT_NEGATIVE)
    if all(rolling[bound] in _NONE for bound in ("maxSurge", "maxUnavailable")):
        words = "may not be 0 when `maxSurge` is 0"
        yield causes.invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], words)


def _job(obj: Obj) -> Iterator[Cause]:
    spec = _at(obj, "spec.template.spec") or {}
    yield from pod_rules.check(spec, "spec.template.spec")
    if spec.get("restartPolicy") == "Always":
        yield causes.required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif spec.get("restartPolicy") not in ("Never", "OnFailure"):
        yield causes.not_supported(
            "spec.template.spec.restartPolicy", spec.get("restartPolicy"), ["OnFailure", "Never"]
        )


def _service(obj: Obj) -> Iterator[Cause]:
    spec = obj["spec"]
    ports = spec.get("ports") or ()
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield causes.required("spec.ports")
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield causes.required(f"spec.ports[{index}].name")
        target = port.get("targetPort", 0)
        for field, number in (("port", port.get("port", 0)), ("targetPort", target)):
            if isinstance(number, int) and not 0 < number < 65536:
                yield causes.invalid(f"spec.ports[{index}].{field}", number, PORT_RANGE)


def _claim(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield causes.required("spec.accessModes", "at least 1 access mode is required")
    if not _at(spec, "resources.requests.storage"):
        yield causes.required("spec.resources[storage]")


def _event(obj: Obj) -> Iterator[Cause]:
    target = obj.get("involvedObject") or obj.get("regarding") or {}
    namespace = target.get("namespace", "")
    own = obj["metadata"].get("namespace", "")
    if namespace != own and not (not namespace and own == "default"):
        yield causes.invalid("involvedObject.namespace", namespace, "does not match event.namespace")


def _role_binding(obj: Obj) -> Iterator[Cause]:
    reference = obj.get("roleRef") or {}
    if not reference.get("name"):
        yield causes.required("roleRef.name")
    if reference.get("kind") not in ("Role", "ClusterRole"):
        yield causes.not_supported("roleRef.kind", reference.get("kind", ""), ["ClusterRole", "Role"])
    for index, subject in enumerate(obj.get("subjects") or []):
        if not subject.get("name"):
            yield causes.required(f"subjects[{index}].name")
        if subject.get("kind") not in _SUBJECTS:
            yield causes.not_supported(f"subjects[{index}].kind", subject.get("kind", ""), _SUBJECTS)


def _role(obj: Obj) -> Iterator[Cause]:
    for index, rule in enumerate(obj.get("rules") or []):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            yield causes.required(f"{at}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield causes.required(f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield causes.required(f"{at}.resources", "resource rules must supply at least one resource")


def _keep_pod(new: Obj, old: Obj) -> Iterator[Cause]:
    was, now = _fixed_pod_spec(old["spec"]), _fixed_pod_spec(new["spec"])
    tolerations = old["spec"].get("tolerations") or []
    if was != now or any(entry not in (new["spec"].get("tolerations") or []) for entry in tolerations):
        yield causes.forbidden(
            "spec",
            "pod updates may not change fields other than "
            "`spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )


def _fixed_pod_spec(spec: Obj) -> dict[str, Any]:
    fixed = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for field in ("containers", "initContainers"):
        if field in spec:
            fixed[field] = [{k: v for k, v in container.items() if k != "image"} for container in spec[field]]
    return fixed


_STATEFUL_SET_FIXED = ("selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy")


def _keep_stateful_set(new: Obj, old: Obj) -> Iterator[Cause]:
    return _immutable(new, old, *(f"spec.{field}" for field in _STATEFUL_SET_FIXED))


def _keep_data(new: Obj, old: Obj) -> Iterator[Cause]:
    if old.get("immutable"):
        for part in ("data", "binaryData"):
            if new.get(part) != old.get(part):
                yield causes.forbidden(part, "field is immutable when `immutable` is set")
        if not new.get("immutable"):
            yield causes.forbidden("immutable", "field is immutable when `immutable` is set")


def _keep_cluster_ip(new: Obj, old: Obj) -> Iterator[Cause]:
    was, now = _at(old, "spec.clusterIP"), _at(new, "spec.clusterIP")
    if was and was != now and _at(new, "spec.type") != "ExternalName":
        yield causes.invalid("spec.clusterIPs[0]", [now] if now else None, "may not change once set")


def _keep_claim(new: Obj, old: Obj) -> Iterator[Cause]:
    def fixed(obj: Obj) -> dict[str, Any]:
        return {
            key: value
            for key, value in (obj.get("spec") or {}).items()
            if key not in ("resources", "volumeName")
        }

    if fixed(new) != fixed(old):
        yield causes.forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
            "bound claims",
        )


_RULES: dict[str, Callable[[Obj], Iterator[Cause]]] = {
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "Pod": lambda obj: pod_rules.check(obj.get("spec") or {}, "spec"),
    "Job": _job,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Event": _event,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _role_binding,
    "ClusterRoleBinding": _role_binding,
}
_CHANGES: dict[str, Callable[[Obj, Obj], Iterator[Cause]]] = {
    "Deployment": lambda new, old: _immutable(new, old, "spec.selector"),
    "ReplicaSet": lambda new, old: _immutable(new, old, "spec.selector"),
    "DaemonSet": lambda new, old: _immutable(new, old, "spec.selector"),
    "StatefulSet": _keep_stateful_set,
    "Pod": _keep_pod,
    "Job": lambda new, old: _immutable(new, old, "spec.selector", "spec.template", "spec.completionMode"),
    "ConfigMap": _keep_data,
    "Secret": lambda new, old: [*_keep_data(new, old), *_immutable(new, old, "type")].__iter__(),
    "Service": _keep_cluster_ip,
    "PersistentVolumeClaim": _keep_claim,
    "RoleBinding": lambda new, old: _immutable(new, old, "roleRef"),
    "ClusterRoleBinding": lambda new, old: _immutable(new, old, "roleRef"),
}
