"""The mutating webhook: what is filled in on create and update. Source: crds.md §4.2.

Works on the raw object, so that nothing else in it changes: unknown data and explicit zeros survive.
"""

from __future__ import annotations

import copy
from typing import Any

from airunway.api import quantities
from airunway.api.core_types import (
    EnvVar,
    EnvVarSource,
    FieldSelector,
    FileKeySelector,
    KeySelector,
    ResourceFieldSelector,
)
from airunway.api.model_deployment import AccessMode, EngineType, ModelSource, ServingMode, VolumePurpose

GPU_TYPE = "nvidia.com/gpu"
MOUNT_PATHS = {
    VolumePurpose.MODEL_CACHE.value: "/model-cache",
    VolumePurpose.COMPILATION_CACHE.value: "/compilation-cache",
}


def with_defaults(obj: dict[str, Any]) -> dict[str, Any]:
    """A copy of a ModelDeployment with the webhook's defaults.

    Takes an object whose fields have the right types (see `selection.admission`); what has a wrong type is
    left alone.
    """
    filled = copy.deepcopy(obj)
    spec = _object(filled, "spec")
    model, engine = _object(spec, "model"), _object(spec, "engine")
    _fill_entries(engine.get("extraArgs"), "")
    for entries in (spec.get("env"), spec.get("tolerations"), _mapping(model.get("storage")).get("volumes")):
        _fill_entries(entries, {})
    _fill(model, "source", ModelSource.HUGGINGFACE.value)
    serving = _object(spec, "serving")
    _fill(serving, "mode", ServingMode.AGGREGATED.value)
    if serving["mode"] == ServingMode.AGGREGATED.value:
        if "scaling" not in spec:
            spec["scaling"] = {"replicas": 1}
        if _needs_gpu_default(spec, engine):
            spec["resources"] = {"gpu": {"count": 1, "type": GPU_TYPE}}
    _fill_gpu_types(spec)
    name = _mapping(filled.get("metadata")).get("name") or ""
    for volume in _objects(_mapping(model.get("storage")).get("volumes")):
        _fill_volume(volume, deployment=name)
    for variable in _objects(spec.get("env")):
        _fill_variable(variable)
    return filled


def _needs_gpu_default(spec: dict[str, Any], engine: dict[str, Any]) -> bool:
    """`engine.image` does not count here, unlike `image`; an empty `resources` does."""
    runs_on_gpu = bool(engine.get("type")) and engine["type"] != EngineType.LLAMACPP.value
    return runs_on_gpu and "resources" not in spec and not spec.get("image")


def _fill_gpu_types(spec: dict[str, Any]) -> None:
    scaling = _mapping(spec.get("scaling"))
    for owner in (spec.get("resources"), scaling.get("prefill"), scaling.get("decode")):
        gpu = _mapping(owner).get("gpu")
        if isinstance(gpu, dict):
            _fill(gpu, "type", GPU_TYPE)


def _fill_volume(volume: dict[str, Any], *, deployment: str) -> None:
    volume.setdefault("name", "")
    _fill(volume, "purpose", VolumePurpose.CUSTOM.value)
    path = MOUNT_PATHS.get(volume["purpose"]) if isinstance(volume["purpose"], str) else None
    if path:
        _fill(volume, "mountPath", path)
    if volume.get("size") is None:
        return
    _canonical(volume, "size")
    if deployment:  # with generateName there is none yet; readers then use `<deployment>-<volume>`
        _fill(volume, "claimName", f"{deployment}-{volume['name']}")
    _fill(volume, "accessMode", AccessMode.READ_WRITE_MANY.value)


_SOURCES = {
    "configMapKeyRef": KeySelector,
    "secretKeyRef": KeySelector,
    "fieldRef": FieldSelector,
    "fileKeyRef": FileKeySelector,
    "resourceFieldRef": ResourceFieldSelector,
}
assert set(_SOURCES) == {field.alias for field in EnvVarSource.model_fields.values()}


def _fill_variable(variable: dict[str, Any]) -> None:
    """Required texts that are missing become empty ones, as in every object the reference's types wrote."""
    _fill_required(variable, EnvVar)
    for key, source in _mapping(variable.get("valueFrom")).items():
        if key in _SOURCES and isinstance(source, dict):
            _fill_required(source, _SOURCES[key])
            if key == "resourceFieldRef":
                if source.get("divisor") is None:
                    source["divisor"] = "0"
                _canonical(source, "divisor")


def _fill_entries(entries: Any, empty: Any) -> None:
    """Nothing after the dash of a list entry is an empty one; the API server drops only nulls of fields."""
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if entry is None:
            entries[index] = copy.copy(empty)


def _fill_required(obj: dict[str, Any], model: type[Any]) -> None:
    for name, field in model.model_fields.items():
        if field.is_required():
            obj.setdefault(field.alias or name, "")


def _canonical(obj: dict[str, Any], key: str) -> None:
    """The quantity as Kubernetes writes it; what cannot be read stays for the schema to refuse."""
    value = obj[key]
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            obj[key] = quantities.canonical(str(value))
        except quantities.InvalidQuantity:
            return


def _fill(obj: dict[str, Any], key: str, value: Any) -> None:
    """Absent, null and empty count as not given."""
    if obj.get(key) in (None, ""):
        obj[key] = value


def _object(owner: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, made when it is missing."""
    if owner.get(key) is None:
        owner[key] = {}
    return _mapping(owner[key])


def _mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one that belongs to nothing."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
