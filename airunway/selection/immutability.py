"""I1-I6: what an update may not change. Source: crds.md §4.5."""

from __future__ import annotations

from typing import Any

from airunway.api import quantities
from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.model_deployment import ModelDeployment, ModelSource, StorageVolume
from airunway.selection.storage import FIELD, volumes_of

NEW_ONE = "delete the ModelDeployment and make another one for other claims"


def check_immutability(old: ModelDeployment, new: ModelDeployment) -> list[FieldError]:
    """Findings in the order of the rules. `old` is the stored object, with its status."""
    found: list[FieldError] = []
    before, after = old.spec.model, new.spec.model
    if (before.id or "") != (after.id or ""):
        found.append(_changed("spec.model.id", "model.id", after.id or ""))
    if _source(old) != _source(new):
        found.append(_changed("spec.model.source", "model.source", _source(new)))
    old_engine, new_engine = _engine(old), _engine(new)
    if old_engine and new_engine and old_engine != new_engine:
        found.append(_changed("spec.engine.type", "engine.type", new_engine))
    old_provider = old.provider_name or old.recorded_provider
    if old_provider and new.provider_name and old_provider != new.provider_name:
        found.append(_changed("spec.provider.name", "provider.name", new.provider_name))
    if old.serving_mode != new.serving_mode:
        found.append(_changed("spec.serving.mode", "serving.mode", new.serving_mode))
    return found + _managed_volumes(old, new)


def _changed(field: str, name: str, value: str) -> FieldError:
    detail = f"{name} is immutable; delete and recreate the ModelDeployment to change it"
    return field_error(FieldErrorType.INVALID, field, detail, value)


def _source(deployment: ModelDeployment) -> str:
    return (deployment.spec.model.source or ModelSource.HUGGINGFACE).value


def _engine(deployment: ModelDeployment) -> str:
    engine = deployment.spec.engine
    return engine.type.value if engine and engine.type else ""


def _managed_volumes(old: ModelDeployment, new: ModelDeployment) -> list[FieldError]:
    """I6: claims that were made here stay as they are."""
    found = []
    now = {volume.name: (index, volume) for index, volume in enumerate(volumes_of(new))}
    for volume in volumes_of(old):
        if volume.size is None:
            continue
        if volume.name not in now:
            detail = f"managed storage volume {volume.name} cannot be removed; {NEW_ONE}"
            found.append(field_error(FieldErrorType.FORBIDDEN, FIELD, detail))
            continue
        index, current = now[volume.name]
        differing = [name for name, value in _fixed(volume).items() if value != _fixed(current)[name]]
        if differing:
            detail = f"managed storage volume is immutable; changed: {', '.join(differing)}; {NEW_ONE}"
            found.append(field_error(FieldErrorType.INVALID, f"{FIELD}[{index}]", detail, volume.name))
    return found


def _fixed(volume: StorageVolume) -> dict[str, Any]:
    return {
        "claimName": volume.claim_name or "",
        "mountPath": volume.mount_path or "",
        "purpose": volume.purpose,
        "readOnly": bool(volume.read_only),
        "accessMode": volume.access_mode or "",
        "storageClassName": volume.storage_class_name,
        "size": _size(volume),
    }


def _size(volume: StorageVolume) -> Any:
    if volume.size is None:
        return None
    try:
        return quantities.parse(str(volume.size).strip(quantities.SPACES))
    except quantities.InvalidQuantity:
        return str(volume.size)
