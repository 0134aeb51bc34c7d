"""V8: storage volumes. Source: crds.md §4.3; the numbers are those of its table."""

from __future__ import annotations

from collections.abc import Callable

from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.model_deployment import AccessMode, ModelDeployment, StorageVolume, VolumePurpose

FIELD = "spec.model.storage.volumes"
MAX_NAME = 253
SYSTEM_PATHS = ("/dev", "/proc", "/sys", "/etc", "/var/run")


def volumes_of(deployment: ModelDeployment) -> list[StorageVolume]:
    """The volumes; empty without storage."""
    storage = deployment.spec.model.storage
    return (storage.volumes or []) if storage else []


def claim_name(deployment: ModelDeployment, volume: StorageVolume) -> str:
    """The claim that is mounted: the named one, else `<deployment>-<volume>`."""
    return volume.claim_name or f"{deployment.name}-{volume.name}"


def check_storage(deployment: ModelDeployment) -> list[FieldError]:
    """All findings, volume by volume, then those of the whole list."""
    found: list[FieldError] = []
    seen: tuple[set[str], ...] = (set(), set(), set())
    volumes = volumes_of(deployment)
    for index, volume in enumerate(volumes):
        field = f"{FIELD}[{index}]"
        found += _claim(deployment, volume, field)
        found += _unmanaged(volume, field)
        found += _duplicates(volume, field, seen)
        found += _mount_path(volume, field)
    for purpose in (VolumePurpose.MODEL_CACHE, VolumePurpose.COMPILATION_CACHE):
        count = sum(volume.purpose is purpose for volume in volumes)
        if count > 1:
            detail = f"at most one volume with purpose={purpose.value} is allowed"
            found.append(field_error(FieldErrorType.INVALID, FIELD, detail, count))
    return found + _download_job(deployment, volumes)


def _claim(deployment: ModelDeployment, volume: StorageVolume, field: str) -> list[FieldError]:
    """Rules 1 to 4: a claim is either named or made here."""
    if volume.size is None:
        if volume.claim_name:
            return []
        detail = "claimName is required when size is not set: name a claim that exists, or give a size"
        return [field_error(FieldErrorType.REQUIRED, f"{field}.claimName", detail)]
    found = []
    if volume.read_only:
        detail = (
            "readOnly must not be true when size is set: a claim that is made here has to be written first"
        )
        found.append(field_error(FieldErrorType.INVALID, f"{field}.readOnly", detail, True))
    generated = f"{deployment.name}-{volume.name}"
    if volume.claim_name and volume.claim_name != generated:
        detail = f"claimName must not be set when size is set; leave it out, it is {generated}"
        found.append(field_error(FieldErrorType.INVALID, f"{field}.claimName", detail, volume.claim_name))
    if len(claim_name(deployment, volume)) > MAX_NAME:
        detail = (
            f"the claim name {generated[:40]}… exceeds the {MAX_NAME}-character limit; "
            "use a shorter name for the deployment or the volume"
        )
        found.append(field_error(FieldErrorType.INVALID, f"{field}.name", detail, volume.name))
    return found


def _unmanaged(volume: StorageVolume, field: str) -> list[FieldError]:
    """Rules 5 to 7: access mode and class are for claims made here."""
    found = []
    modes = [mode.value for mode in AccessMode]
    if volume.access_mode and volume.access_mode not in modes:
        detail = f"supported values: {', '.join(modes)}"
        found.append(
            field_error(FieldErrorType.NOT_SUPPORTED, f"{field}.accessMode", detail, volume.access_mode)
        )
    if volume.size is not None:
        return found
    if volume.access_mode:
        detail = "accessMode is only applicable when size is set: a claim that exists has its own"
        found.append(field_error(FieldErrorType.INVALID, f"{field}.accessMode", detail, volume.access_mode))
    if volume.storage_class_name is not None:
        detail = "storageClassName is only applicable when size is set: a claim that exists has its own"
        value = volume.storage_class_name
        found.append(field_error(FieldErrorType.INVALID, f"{field}.storageClassName", detail, value))
    return found


def _duplicates(volume: StorageVolume, field: str, seen: tuple[set[str], ...]) -> list[FieldError]:
    """Rules 8 to 10: names, paths and claims occur once."""
    texts = (
        ("name", volume.name, "duplicate volume name"),
        ("mountPath", volume.mount_path or "", "duplicate mount path"),
        ("claimName", volume.claim_name or "", "duplicate claim name"),
    )
    found = []
    for (key, text, detail), before in zip(texts, seen, strict=True):
        if text in before:
            found.append(field_error(FieldErrorType.INVALID, f"{field}.{key}", detail, text))
        elif text:
            before.add(text)
    return found


def _mount_path(volume: StorageVolume, field: str) -> list[FieldError]:
    """Rules 11 to 13."""
    path = volume.mount_path or ""
    at = f"{field}.mountPath"
    if not path:
        if volume.purpose is not VolumePurpose.CUSTOM:
            return []
        return [field_error(FieldErrorType.REQUIRED, at, "mountPath is required when purpose is custom")]
    found = []
    if not path.startswith("/"):
        found.append(
            field_error(FieldErrorType.INVALID, at, "must be an absolute path: begin it with /", path)
        )
    system = is_system_path(path)
    if system:
        found.append(field_error(FieldErrorType.INVALID, at, f"must not be under system path {system}", path))
    return found


def is_system_path(path: str, *, normalise: Callable[[str], str] = str) -> str:
    """The system path that a path is, or lies below; empty when there is none."""
    normal = normalise(path)
    return next((top for top in SYSTEM_PATHS if normal == top or normal.startswith(f"{top}/")), "")


def _download_job(deployment: ModelDeployment, volumes: list[StorageVolume]) -> list[FieldError]:
    """Rule 16: a cache that is filled here needs a Job with a name that fits."""
    filled = any(
        volume.purpose is VolumePurpose.MODEL_CACHE and volume.size is not None and not volume.read_only
        for volume in volumes
    )
    if not filled or len(f"{deployment.name}-model-download") <= MAX_NAME:
        return []
    detail = f"use a shorter name: the download Job name <name>-model-download exceeds {MAX_NAME} characters"
    return [field_error(FieldErrorType.INVALID, "metadata.name", detail, deployment.name)]
