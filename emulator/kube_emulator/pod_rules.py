"""Checks a pod's spec, standing alone or in a template: the rules a controller can run into.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, with the feature gates of 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import (
    affinity_rules,
    causes,
    container_rules,
    network_rules,
    security_rules,
    spread_rules,
    volume_rules,
)
from .errors import Cause
from .metadata import label_fault, qualified_fault, subdomain_fault, value_fault

Obj = Mapping[str, Any]


def check(spec: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a pod's spec at this place of its object."""
    if not spec.get("containers"):
        yield causes.required(f"{path}.containers")
    yield from security_rules.pod(spec.get("securityContext") or {}, f"{path}.securityContext")
    yield from _node_selector(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from _tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    yield from spread_rules.constraints(
        spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints"
    )
    for field in ("hostname", "subdomain"):
        if spec.get(field) and (fault := label_fault(spec[field])):
            yield causes.invalid(f"{path}.{field}", spec[field], fault)
    yield from affinity_rules.affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from network_rules.aliases(spec.get("hostAliases") or (), f"{path}.hostAliases")
    yield from network_rules.dns(spec, path)
    yield from _life(spec, path)
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    yield from volume_rules.volumes(spec.get("volumes") or (), f"{path}.volumes")
    names: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            where = f"{path}.{field}[{index}]"
            yield from _container(container, where, volumes)
            yield from container_rules.lifecycle(
                container.get("lifecycle") or {}, f"{where}.lifecycle", grace=_grace(spec)
            )
            name = container.get("name", "")
            if name and name in names:
                yield causes.duplicate(f"{where}.name", name)
            names.add(name)


_RESTARTS = ("Always", "OnFailure", "Never")
_LARGEST = 2**31 - 1


def _life(spec: Obj, path: str) -> Iterator[Cause]:
    """When a pod ends, and when it counts as ready."""
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _LARGEST:
        words = f"must be between 1 and {_LARGEST}, inclusive"
        yield causes.invalid(f"{path}.activeDeadlineSeconds", deadline, words)
    restart = spec.get("restartPolicy", "Always")
    if restart not in _RESTARTS:
        yield causes.not_supported(f"{path}.restartPolicy", restart, sorted(_RESTARTS))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType", "")
        if fault := qualified_fault(kind):
            yield causes.invalid(f"{path}.readinessGates[{index}].conditionType", kind, fault)


def _grace(spec: Obj) -> int:
    """Seconds that a pod has to end in."""
    return int(spec.get("terminationGracePeriodSeconds", 30))


def _container(container: Obj, path: str, volumes: set[Any]) -> Iterator[Cause]:
    yield from container_rules.identity(container, path)
    for index, variable in enumerate(container.get("env") or ()):
        yield from _variable(variable, f"{path}.env[{index}]")
    yield from _variables_from(container.get("envFrom") or (), f"{path}.envFrom")
    yield from volume_rules.mounts(container.get("volumeMounts") or (), volumes, f"{path}.volumeMounts")
    yield from container_rules.ports(container.get("ports") or (), f"{path}.ports")
    yield from security_rules.container(container.get("securityContext") or {}, f"{path}.securityContext")
    yield from container_rules.resources(container.get("resources") or {}, f"{path}.resources")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            yield from container_rules.probe(container[name], f"{path}.{name}")


# --- environment --------------------------------------------------------------------------------------------

_VARIABLE_ERROR = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_KEY = "[-._a-zA-Z0-9]+"
_KEY_ERROR = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    f"'KEY_NAME',  or 'key-name', regex used for validation is '{_KEY}')"
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_FIELDS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
_MAPS = ("metadata.annotations", "metadata.labels")
_FIELDS_OF_OTHERS = ("spec.restartPolicy", "spec.schedulerName", "status.phase")
"""Known as fields of a pod, and none for a variable."""
_RESOURCES = tuple(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {"cpu": ("1m", "1"), "memory": _BYTES, "ephemeral-storage": _BYTES}
_WHOLE_SOURCES = ("configMapRef", "secretRef")
_ONLY_ONE = "may not have more than one field specified at a time"


def _one_of(names: tuple[str, ...]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"must specify one of: {', '.join(most)} or {last}"


def _is_variable(name: str) -> bool:
    return name.isascii() and name.isprintable() and "=" not in name


def _variable(variable: Obj, path: str) -> Iterator[Cause]:
    name, source = variable.get("name"), variable.get("valueFrom")
    if not name:
        yield causes.required(f"{path}.name")
    elif not _is_variable(name):
        yield causes.invalid(f"{path}.name", name, _VARIABLE_ERROR)
    if source is None:
        return
    found = [part for part in _SOURCES if part in source]
    for part in ("configMapKeyRef", "secretKeyRef"):
        if part in source:
            yield from _key_of(source[part], f"{path}.valueFrom.{part}")
    if "fieldRef" in source:
        yield from _field_of(source["fieldRef"], f"{path}.valueFrom.fieldRef")
    if "resourceFieldRef" in source:
        yield from _resource_of(source["resourceFieldRef"], f"{path}.valueFrom.resourceFieldRef")
    if not found:
        yield causes.invalid(f"{path}.valueFrom", "", _one_of(_SOURCES))
    elif variable.get("value"):
        yield causes.invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    elif len(found) > 1:
        yield causes.invalid(f"{path}.valueFrom", "", _ONLY_ONE)


def _field_of(reference: Obj, path: str) -> Iterator[Cause]:
    """A field of the pod itself."""
    version, field = reference.get("apiVersion", "v1"), reference.get("fieldPath", "")
    if not field:
        yield causes.required(f"{path}.fieldPath")
        return
    whole, subscript = _subscripted(field)
    if version != "v1":
        words = f"error converting fieldPath: unsupported pod version: {version}"
        yield causes.invalid(f"{path}.fieldPath", field, words)
    elif subscript and whole in _MAPS:
        if fault := qualified_fault(subscript.lower() if whole == "metadata.annotations" else subscript):
            yield causes.invalid(path, subscript, fault)
    elif field not in (*_FIELDS, *_MAPS, *_FIELDS_OF_OTHERS):
        words = f"error converting fieldPath: field label not supported: {field}"
        yield causes.invalid(f"{path}.fieldPath", field, words)
    elif field not in _FIELDS:
        yield causes.not_supported(f"{path}.fieldPath", field, sorted(_FIELDS))


def _subscripted(field: str) -> tuple[str, str]:
    """`metadata.labels['a']` in its parts."""
    found = re.fullmatch(r"(.+)\['(.*)'\]", field)
    return (found[1], found[2]) if found else (field, "")


def _resource_of(reference: Obj, path: str) -> Iterator[Cause]:
    """What a container asks for."""
    resource, divisor = reference.get("resource", ""), str(reference.get("divisor", "0"))
    if not resource:
        yield causes.required(f"{path}.resource")
        return
    if resource not in _RESOURCES and not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        yield causes.not_supported(f"{path}.resource", resource, sorted(_RESOURCES))
    kind = resource.partition(".")[2]
    allowed = _DIVISORS.get(kind, ()) if not kind.startswith("hugepages-") else _BYTES
    if allowed and divisor not in ("0", *allowed):
        words = f"only divisor's values {_and(allowed)} are supported with the {kind} resource"
        yield causes.invalid(f"{path}.divisor", resource, words)


def _and(values: tuple[str, ...]) -> str:
    *most, last = values
    return f"{', '.join(most)} and {last}"


def _key_of(reference: Obj, path: str) -> Iterator[Cause]:
    """One key of a ConfigMap or Secret."""
    name, key = reference.get("name", ""), reference.get("key")
    if fault := subdomain_fault(name):
        yield causes.invalid(f"{path}.name", name, fault)
    if not key:
        yield causes.required(f"{path}.key")
    elif not re.fullmatch(_KEY, key):
        yield causes.invalid(f"{path}.key", key, _KEY_ERROR)


def _variables_from(entries: Any, path: str) -> Iterator[Cause]:
    """All keys of ConfigMaps or Secrets."""
    for index, entry in enumerate(entries):
        prefix = entry.get("prefix", "")
        if not _is_variable(prefix):
            yield causes.invalid(f"{path}[{index}].prefix", prefix, _VARIABLE_ERROR)
        found = [part for part in _WHOLE_SOURCES if part in entry]
        for part in found:
            name, where = entry[part].get("name"), f"{path}[{index}].{part}.name"
            if not name:
                yield causes.required(where)
            elif fault := subdomain_fault(name):
                yield causes.invalid(where, name, fault)
        if len(found) != 1:
            yield causes.invalid(path, "", _ONLY_ONE if found else _one_of(_WHOLE_SOURCES))


# --- nodes --------------------------------------------------------------------------------------------------


def _node_selector(selector: Obj, path: str) -> Iterator[Cause]:
    for key, value in selector.items():
        if fault := qualified_fault(key):
            yield causes.invalid(path, key, fault)
        if fault := value_fault(str(value)):
            yield causes.invalid(path, value, fault)


# --- tolerations --------------------------------------------------------------------------------------------

_OPERATORS = ["Equal", "Exists"]
_COMPARISONS = ["Lt", "Gt"]  # known by name only: their feature gate is off
_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]


def _tolerations(tolerations: Any, path: str) -> Iterator[Cause]:
    for index, toleration in enumerate(tolerations):
        yield from _toleration(toleration, f"{path}[{index}]")


def _toleration(toleration: Obj, path: str) -> Iterator[Cause]:
    key, operator, value, effect = (toleration.get(p, "") for p in ("key", "operator", "value", "effect"))
    if key and (fault := qualified_fault(key)):
        yield causes.invalid(f"{path}.key", key, fault)
    if not key and operator != "Exists":
        words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield causes.invalid(f"{path}.operator", operator, words)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield causes.invalid(f"{path}.effect", effect, words)
    if operator in ("", "Equal"):
        if fault := value_fault(value):
            yield causes.invalid(f"{path}.operator", value, fault)
    elif operator == "Exists":
        if value:
            yield causes.invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    else:
        known = [*_OPERATORS, *_COMPARISONS] if operator in _COMPARISONS else _OPERATORS
        yield causes.not_supported(f"{path}.operator", operator, known)
    if effect and effect not in _EFFECTS:
        yield causes.not_supported(f"{path}.effect", effect, _EFFECTS)
