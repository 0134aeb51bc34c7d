"""What the API server would refuse in the pods of a deployment, said before anything is applied.

A ModelDeployment holds parts of pods that its CRD takes as any text. Found out at apply, a bad one would be a
failed roll-out; found here, it is a refused `kubectl apply`, with the field of the ModelDeployment.
Source: k8s.io/kubernetes, pkg/apis/core/validation/validation.go, of the release that `tests/real` runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from airunway.api import quantities
from airunway.api.bounds import MAX_ANNOTATIONS_BYTES, MAX_DEPTH, is_deeper_than
from airunway.api.core_types import EnvVar, EnvVarSource, KeySelector, ResourceFieldSelector, Toleration
from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.model_deployment import DeploymentSpec, Gpu
from airunway.api.overrides import FIELD as OVERRIDES
from airunway.api.server_names import (
    config_key_fault,
    key_fault,
    label_fault,
    resource_fault,
    subdomain_fault,
    value_fault,
    variable_fault,
)

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_POD_FIELDS = frozenset(
    {
        *("metadata.name", "metadata.namespace", "metadata.uid"),
        *("spec.nodeName", "spec.serviceAccountName"),
        *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
    }
)
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")
_RESOURCES = frozenset(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_CPU_DIVISORS = frozenset({"1", "1m"})
_BYTE_DIVISORS = frozenset({"1", *(f"1{unit}{form}" for unit in "MGTPE" for form in ("", "i")), "1k", "1Ki"})
_NO_DEVICE = "must be the resource of a device, which has a domain, as in nvidia.com/gpu"
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_Found = Iterator[FieldError]


def server_findings(spec: DeploymentSpec) -> list[FieldError]:
    """What is wrong, by field; empty when pods made of it are taken."""
    return list(_findings(spec))


def metadata_findings(
    labels: Mapping[str, str], annotations: Mapping[str, str], field: str
) -> list[FieldError]:
    """What is wrong with labels and annotations. `field`: where both are, like `metadata`."""
    return [*_labels(labels, f"{field}.labels"), *_annotations(annotations, f"{field}.annotations")]


def _findings(spec: DeploymentSpec) -> _Found:
    template = spec.pod_template.metadata if spec.pod_template else None
    if template is not None:
        yield from metadata_findings(
            template.labels or {}, template.annotations or {}, "spec.podTemplate.metadata"
        )
    yield from _labels(spec.node_selector or {}, "spec.nodeSelector")
    for index, toleration in enumerate(spec.tolerations or ()):
        yield from _toleration(toleration, f"spec.tolerations[{index}]")
    for index, variable in enumerate(spec.env or ()):
        yield from _variable(variable, f"spec.env[{index}]")
    yield from _images(spec)
    yield from _devices(spec)
    yield from _objects(spec)
    overrides = spec.provider.overrides if spec.provider else None
    if isinstance(overrides, dict) and not is_deeper_than(overrides, MAX_DEPTH):
        yield from _overrides(overrides, OVERRIDES)


def _invalid(field: str, fault: str, value: object) -> _Found:
    if fault:
        yield field_error(FieldErrorType.INVALID, field, fault, value)


# -- metadata and selectors ---------------------------------------------------------------------------------


def _labels(labels: Mapping[str, str], field: str) -> _Found:
    for key, value in labels.items():
        yield from _invalid(field, key_fault(key) and f"key {key!r}: {key_fault(key)}", key)
        yield from _invalid(f"{field}[{key}]", value_fault(value), value)


def _annotations(annotations: Mapping[str, str], field: str) -> _Found:
    for key in annotations:
        fault = key_fault(key.lower())
        yield from _invalid(field, fault and f"key {key!r}: {fault}", key)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS_BYTES:
        detail = f"must be no more than {MAX_ANNOTATIONS_BYTES} bytes together, and are {size}"
        yield field_error(FieldErrorType.TOO_LONG, field, detail, f"{size} bytes")


def _toleration(given: Toleration, field: str) -> _Found:
    key, operator = given.key or "", given.operator or ""
    value, effect = given.value or "", given.effect or ""
    if key:
        yield from _invalid(f"{field}.key", key_fault(key), key)
    elif operator != "Exists":
        yield from _invalid(f"{field}.operator", "must be Exists where there is no key", operator)
    if given.toleration_seconds is not None and effect != "NoExecute":
        yield from _invalid(f"{field}.effect", "must be NoExecute where tolerationSeconds is set", effect)
    if operator in ("", "Equal"):
        yield from _invalid(f"{field}.value", value_fault(value), value)
    elif operator == "Exists":
        yield from _invalid(f"{field}.value", value and "must be empty where operator is Exists", value)
    else:
        yield _unsupported(f"{field}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in _EFFECTS:
        yield _unsupported(f"{field}.effect", effect, _EFFECTS)


def _unsupported(field: str, value: str, known: tuple[str, ...]) -> FieldError:
    return field_error(FieldErrorType.NOT_SUPPORTED, field, f"must be one of {', '.join(known)}", value)


# -- environment --------------------------------------------------------------------------------------------


def _variable(given: EnvVar, field: str) -> _Found:
    if not given.name:
        yield field_error(FieldErrorType.REQUIRED, f"{field}.name", "a variable needs a name")
    else:
        yield from _invalid(f"{field}.name", variable_fault(given.name), given.name)
    source = given.value_from
    if source is None:
        return
    found = [name for name in EnvVarSource.model_fields if getattr(source, name) is not None]
    if len(found) != 1:
        yield from _invalid(f"{field}.valueFrom", "must name exactly one source", "")
    elif given.value:
        yield from _invalid(f"{field}.valueFrom", "must not stand beside a value", "")
    yield from _source(source, f"{field}.valueFrom")


def _source(source: EnvVarSource, field: str) -> _Found:
    for name, reference in (
        ("configMapKeyRef", source.config_map_key_ref),
        ("secretKeyRef", source.secret_key_ref),
    ):
        if reference is not None:
            yield from _key_of(reference, f"{field}.{name}")
    if source.field_ref is not None:
        version = source.field_ref.api_version or "v1"
        fault = "must be v1" if version != "v1" else ""
        yield from _invalid(f"{field}.fieldRef.apiVersion", fault, version)
        yield from _pod_field(source.field_ref.field_path, f"{field}.fieldRef.fieldPath")
    if source.file_key_ref is not None:
        # The file has to be on a volume of the pod's own that an init container writes.
        fault = "no pod of a deployment has a volume for it; use a ConfigMap or a Secret"
        yield from _invalid(f"{field}.fileKeyRef", fault, source.file_key_ref.volume_name)
    if source.resource_field_ref is not None:
        yield from _container_resource(source.resource_field_ref, f"{field}.resourceFieldRef")


def _container_resource(wanted: ResourceFieldSelector, field: str) -> _Found:
    known = wanted.resource in _RESOURCES or wanted.resource.startswith(_HUGE_PAGES)
    fault = "" if known else "must be limits or requests of cpu, memory, ephemeral-storage or hugepages"
    yield from _invalid(f"{field}.resource", fault, wanted.resource)
    if not known or wanted.divisor is None:
        return
    divisors = _CPU_DIVISORS if wanted.resource.endswith(".cpu") else _BYTE_DIVISORS
    text = str(wanted.divisor)
    # Compared as it is written canonically: 1000m is 1, and 1024 is not 1Ki. 0 means that none is given.
    written = quantities.canonical(text) if quantities.is_valid(text) else ""
    fault = "" if written in divisors | {"0"} else f"must be one of {', '.join(sorted(divisors))}"
    yield from _invalid(f"{field}.divisor", fault, text)


def _key_of(reference: KeySelector, field: str) -> _Found:
    yield from _invalid(f"{field}.name", subdomain_fault(reference.name or ""), reference.name or "")
    if not reference.key:
        yield field_error(FieldErrorType.REQUIRED, f"{field}.key", "which key is to be taken?")
    else:
        yield from _invalid(f"{field}.key", config_key_fault(reference.key), reference.key)


def _pod_field(path: str, field: str) -> _Found:
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        key = keyed[2].lower() if keyed[1] == "annotations" else keyed[2]
        yield from _invalid(field, key_fault(key), path)
    elif path not in _POD_FIELDS:
        yield from _invalid(field, "must be a field of the pod that can be a variable", path)


# -- images, devices, objects -------------------------------------------------------------------------------


def _images(spec: DeploymentSpec) -> _Found:
    given = (("spec.image", spec.image), ("spec.engine.image", spec.engine.image if spec.engine else None))
    for field, image in given:
        bare = (image or "").strip(quantities.SPACES)
        fault = "must not begin or end with white space" if image and bare != image else ""
        yield from _invalid(field, fault, image)


def _devices(spec: DeploymentSpec) -> _Found:
    scaling = spec.scaling
    groups: list[tuple[str, Gpu | None]] = [
        ("spec.resources", spec.resources.gpu if spec.resources else None)
    ]
    for name in ("prefill", "decode"):
        group = getattr(scaling, name) if scaling else None
        groups.append((f"spec.scaling.{name}", group.gpu if group else None))
    for field, gpu in groups:
        if gpu is not None and gpu.type and gpu.count:
            fault = resource_fault(gpu.type) or ("" if "/" in gpu.type else _NO_DEVICE)
            yield from _invalid(f"{field}.gpu.type", fault, gpu.type)


def _objects(spec: DeploymentSpec) -> _Found:
    """Objects that are named: what cannot be a name is of nothing that there is or will be."""
    named = {
        "spec.secrets.huggingFaceToken": spec.secrets.hugging_face_token if spec.secrets else None,
        "spec.gateway.httpRouteRef": spec.gateway.http_route_ref if spec.gateway else None,
    }
    volumes = (spec.model.storage.volumes or []) if spec.model.storage else []
    for index, volume in enumerate(volumes):
        field = f"spec.model.storage.volumes[{index}]"
        named[f"{field}.claimName"] = volume.claim_name
        named[f"{field}.storageClassName"] = volume.storage_class_name if volume.size is not None else None
    for field, name in named.items():
        if name:
            yield from _invalid(field, subdomain_fault(name), name)
    yield from _referred(spec)


def _referred(spec: DeploymentSpec) -> _Found:
    """The Gateway and the pool that are named, which the route's own schema would refuse at last."""
    gateway = spec.gateway
    refs = {"gatewayRef": gateway.gateway_ref, "poolRef": gateway.pool_ref} if gateway else {}
    for field, ref in refs.items():
        if ref is None:
            continue
        at = f"spec.gateway.{field}"
        yield from _invalid(f"{at}.name", subdomain_fault(ref.name), ref.name)
        if ref.namespace:
            yield from _invalid(f"{at}.namespace", label_fault(ref.namespace), ref.namespace)
    section = gateway.gateway_ref.section_name if gateway and gateway.gateway_ref else None
    if section:
        yield from _invalid("spec.gateway.gatewayRef.sectionName", subdomain_fault(section), section)


# -- overrides ----------------------------------------------------------------------------------------------

_LABEL_MAPS = frozenset({"labels", "matchLabels", "nodeSelector"})
_VARIABLES = frozenset({"env", "envs"})
_AMOUNTS = frozenset({"limits", "requests"})


def _overrides(given: Mapping[str, Any], field: str) -> _Found:
    """Parts of pods wherever an upstream object has them: it calls them as Kubernetes does."""
    for key, value in given.items():
        where = f"{field}.{key}"
        entries = list(enumerate(value)) if isinstance(value, list) else []
        if isinstance(value, dict):
            yield from _part(key, value, where)
            yield from _overrides(value, where)
        elif key == "sizeLimit":
            yield from _amount(value, where)
        for index, entry in entries:
            if isinstance(entry, dict):
                yield from _entry(key, entry, f"{where}[{index}]")
                yield from _overrides(entry, f"{where}[{index}]")


def _part(key: str, given: Mapping[str, Any], field: str) -> _Found:
    if key in _AMOUNTS:
        for name, amount in given.items():
            yield from _amount(amount, f"{field}[{name}]")
    if key not in _LABEL_MAPS and key != "annotations":
        return
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    yield from _annotations(texts, field) if key == "annotations" else _labels(texts, field)
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            yield from _invalid(f"{field}[{name}]", "must be a text: put it in quotes", value)


def _entry(key: str, given: dict[str, Any], field: str) -> _Found:
    """Of another shape than Kubernetes', nothing is said: that the schema of the object does."""
    try:
        if key == "tolerations":
            yield from _toleration(Toleration.model_validate(given), field)
        elif key in _VARIABLES:
            yield from _variable(EnvVar.model_validate({"name": "", **given}), field)
    except ValidationError:
        return


def _amount(given: object, field: str) -> _Found:
    if isinstance(given, str):
        fault = "" if quantities.is_valid(given) else "must be a quantity, e.g. 100Gi"
        fault = fault or ("must not be negative" if given.startswith("-") else "")
        yield from _invalid(field, fault, given)
