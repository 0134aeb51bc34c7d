"""`spec.model.storage`: volumes, mounts, cache variables, and the claims that this system makes.

Source: crds.md §2.1 and §4.2 (defaults), vllm.md §8.3, dynamo.md §7.1 (the claim).
"""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.api.model_deployment import AccessMode, ModelDeployment, StorageVolume, VolumePurpose
from airunway.provider.contract import Manifest, UpstreamKind
from airunway.provider.rendering import environment_names, object_metadata

CLAIM = UpstreamKind(
    api_version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims", builtin=True
)
"""Kind of the claims that `managed_claims` renders."""

DEFAULT_MOUNTS = {
    VolumePurpose.MODEL_CACHE: "/model-cache",
    VolumePurpose.COMPILATION_CACHE: "/compilation-cache",
}
CACHE_VARIABLES = {
    VolumePurpose.MODEL_CACHE: "HF_HOME",
    VolumePurpose.COMPILATION_CACHE: "VLLM_CACHE_ROOT",
}
"""Where Hugging Face and vLLM look for their caches."""


def storage_volumes(deployment: ModelDeployment) -> list[StorageVolume]:
    """The volumes in the order given; empty without storage."""
    storage = deployment.spec.model.storage
    return list(storage.volumes or ()) if storage else []


def claim_name(deployment: ModelDeployment, volume: StorageVolume) -> str:
    """The claim's name: as given, else `<deployment>-<volume>` (crds.md §2.1)."""
    return volume.claim_name or f"{deployment.name}-{volume.name}"


def mount_path(volume: StorageVolume) -> str:
    """Path in the container: as given, else that of its purpose; empty: not mounted."""
    if volume.mount_path:
        return volume.mount_path
    return DEFAULT_MOUNTS.get(volume.purpose, "") if volume.purpose else ""


def pod_volumes(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """One pod volume per storage volume, mounted or not."""
    return [
        {"name": volume.name, "persistentVolumeClaim": {"claimName": claim_name(deployment, volume)}}
        for volume in storage_volumes(deployment)
    ]


def volume_mounts(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """Mounts of the serving container, for the volumes that have a path."""
    mounts = []
    for volume in storage_volumes(deployment):
        path = mount_path(volume)
        if path:
            mount: dict[str, Any] = {"name": volume.name, "mountPath": path}
            mounts.append({**mount, "readOnly": True} if volume.read_only else mount)
    return mounts


def cache_environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """Variables that make the server use its mounted caches, unless the user sets them.

    They belong before `spec.env`, so that a user's value can refer to them as `$(HF_HOME)`.
    """
    taken = environment_names(deployment)
    entries = []
    for volume in storage_volumes(deployment):
        variable = CACHE_VARIABLES.get(volume.purpose) if volume.purpose else None
        if variable and variable not in taken:
            taken.add(variable)
            entries.append({"name": variable, "value": mount_path(volume)})
    return entries


def managed_claims(deployment: ModelDeployment) -> list[Manifest]:
    """A PersistentVolumeClaim for every volume with a `size`, once each; the deployment owns it."""
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_MODEL_DEPLOYMENT: deployment.name,
    }
    claims: dict[str, Manifest] = {}
    for volume in storage_volumes(deployment):
        name = claim_name(deployment, volume)
        if volume.size is None or name in claims:
            continue
        spec: dict[str, Any] = {
            "accessModes": [volume.access_mode or AccessMode.READ_WRITE_MANY.value],
            "resources": {"requests": {"storage": str(volume.size)}},
        }
        if volume.storage_class_name is not None:  # "" asks for no class at all
            spec["storageClassName"] = volume.storage_class_name
        claims[name] = {
            "apiVersion": CLAIM.api_version,
            "kind": CLAIM.kind,
            "metadata": object_metadata(deployment, name=name, labels=labels),
            "spec": spec,
        }
    return list(claims.values())
