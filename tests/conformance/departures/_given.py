"""Questions that the rules ask about a vector's input, answered from the raw JSON."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Given = Mapping[str, Any]
Answer = dict[str, Any]
Adjust = Callable[[Given, Answer], Answer]

REFUSED: Answer = {"error": "<text>"}
DENIED_KEYS = {
    "securityContext",
    "serviceAccountName",
    "serviceAccount",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "automountServiceAccountToken",
    "nodeName",
    "priorityClassName",
    "runtimeClassName",
    "replicas",
    "resources",
}


def at(value: Any, *path: str, default: Any = None) -> Any:
    """The value at a path, or `default` where the path ends early or at null."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return default if value is None else value


def count(value: Any, *path: str) -> int:
    """The whole number at a path; 0 when there is none."""
    found = at(value, *path)
    return found if type(found) is int else 0


def spec(given: Given, *path: str, default: Any = None) -> Any:
    return at(given["model_deployment"], "spec", *path, default=default)


def engine(given: Given) -> str:
    return str(
        spec(given, "engine", "type") or at(given["model_deployment"], "status", "engine", "type", default="")
    )


def gpu_count(given: Given) -> int:
    return int(spec(given, "resources", "gpu", "count", default=0))


def gpu_type(given: Given) -> str:
    return str(spec(given, "resources", "gpu", "type") or "nvidia.com/gpu")


def image(given: Given) -> str:
    return str(spec(given, "engine", "image") or spec(given, "image", default=""))


def name(given: Given) -> str:
    return str(given["model_deployment"]["metadata"]["name"])


def volumes(given: Given) -> list[dict[str, Any]]:
    return list(spec(given, "model", "storage", "volumes", default=[]))


def claim_of(given: Given, volume: Mapping[str, Any]) -> str:
    return str(volume.get("claimName") or f"{name(given)}-{volume['name']}")


def mount_of(volume: Mapping[str, Any]) -> str:
    defaults = {"modelCache": "/model-cache", "compilationCache": "/compilation-cache"}
    return str(volume.get("mountPath") or defaults.get(volume.get("purpose", ""), ""))


def observed(given: Given) -> bool:
    """Whether the upstream status belongs to the current generation; what is no number says nothing."""
    generation = at(given["upstream"], "metadata", "generation", default=0)
    seen = at(given["upstream"], "status", "observedGeneration", default=generation)
    return not isinstance(seen, int) or bool(seen >= generation)


def overrides(given: Given) -> Any:
    return spec(given, "provider", "overrides", default={})


def overridden(given: Given, *path: str) -> bool:
    """Whether overrides set the field at a path, delete it, or replace something above it."""
    current = overrides(given)
    for key in path:
        if not isinstance(current, Mapping):
            return True
        if key not in current:
            return False
        current = current[key]
    return True


def override_keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from override_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from override_keys(item)


def denied_override(given: Given) -> bool:
    return not DENIED_KEYS.isdisjoint(override_keys(overrides(given)))


def host_path(given: Given) -> bool:
    return "hostPath" in override_keys(overrides(given))


def impossible_service_name(given: Given) -> bool:
    return not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name(given))


def is_older_than_generation(given: Given, observed: Any) -> bool:
    """Whether a number is older than the generation of the upstream object; anything else is not."""
    generation = at(given["upstream"], "metadata", "generation", default=0)
    return isinstance(observed, int) and isinstance(generation, int) and observed < generation


def refuse(given: Given, answer: Answer) -> Answer:
    return dict(REFUSED)


def on_objects(adjust: Adjust) -> Adjust:
    """An adjustment that has nothing to do where the answer is an error."""

    @functools.wraps(adjust)
    def adjusted(given: Given, answer: Answer) -> Answer:
        return adjust(given, answer) if answer.get("objects") else answer

    return adjusted


def tolerations(given: Given) -> list[dict[str, Any]]:
    """Tolerations as pods get them: key and operator always, the rest when it says something."""
    return [
        {"key": "", "operator": "", **{key: value for key, value in entry.items() if value not in ("", None)}}
        for entry in spec(given, "tolerations", default=[])
    ]


def managed_claims(given: Given) -> list[dict[str, Any]]:
    """The claims that we write for volumes with a size; of one name the first."""
    metadata = given["model_deployment"]["metadata"]
    owner = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    claims = {
        claim_of(given, volume): {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": claim_of(given, volume),
                "namespace": metadata.get("namespace", ""),
                "labels": {
                    "airunway.ai/managed-by": "airunway",
                    "airunway.ai/model-deployment": metadata["name"],
                },
                "ownerReferences": [owner],
            },
            "spec": {
                "accessModes": [volume.get("accessMode") or "ReadWriteMany"],
                "resources": {"requests": {"storage": str(volume["size"])}},
                "storageClassName": volume.get("storageClassName"),
            },
        }
        for volume in reversed(volumes(given))
        if volume.get("size") is not None
    }
    return list(claims.values())


def pod_volumes(given: Given) -> list[dict[str, Any]]:
    return [
        {"name": volume["name"], "persistentVolumeClaim": {"claimName": claim_of(given, volume)}}
        for volume in volumes(given)
    ]


def volume_mounts(given: Given) -> list[dict[str, Any]]:
    mounts = []
    for volume in volumes(given):
        if mount_of(volume):
            mount: dict[str, Any] = {"name": volume["name"], "mountPath": mount_of(volume)}
            mounts.append({**mount, "readOnly": True} if volume.get("readOnly") else mount)
    return mounts
