"""What AI Runway's own controllers leave in a cluster: recorded objects, with their field managers."""

from __future__ import annotations

import copy
from typing import Any

from airunway.api.names import field_manager_for
from airunway.clients.kubernetes import Object
from tests.conformance.loader import Vector, load

APPLYING = frozenset({"vllm", "llmd"})
"""Providers whose controllers write by a forced apply; the others create and update (crds.md §8.1)."""
WRITTEN = [
    *(("dynamo", "Update"), ("kaito", "Update"), ("kuberay", "Update")),
    *((provider, operation) for provider in sorted(APPLYING) for operation in ("Apply", "Update")),
]
"""Provider and operation: what was applied may have been written by an earlier controller's update, too."""
UID = "00000000-0000-0000-0000-00000000feed"


def served(provider: str) -> list[Vector]:
    """Recorded deployments that the controller of a provider would have written objects for."""
    return [vector for vector in load("transform", provider) if _is_written(vector.expect)]


def _is_written(expect: dict[str, Any]) -> bool:
    return bool(expect.get("objects")) and expect.get("compatible") is not False and not expect.get("error")


def as_written(obj: Object, provider: str, *, operation: str = "", uid: str = UID) -> Object:
    """An object as its controller left it in the cluster; `operation` empty: as the reference writes it."""
    made = copy.deepcopy(obj)
    meta = made["metadata"]
    for reference in meta.get("ownerReferences") or ():
        reference["uid"] = uid
    applied = operation == "Apply" if operation else provider in APPLYING
    meta |= {"uid": f"{uid}-{made['kind']}", "generation": 1, "resourceVersion": "10"}
    meta["managedFields"] = [
        {
            "manager": field_manager_for(provider) if applied else "provider",
            "operation": "Apply" if applied else "Update",
            "apiVersion": made["apiVersion"],
            "time": "2026-01-05T09:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": _fields(obj),
        }
    ]
    return made


def _fields(value: Any) -> Any:
    """Lists count as a whole, as in a kind without list keys."""
    if not isinstance(value, dict) or not value:
        return {}
    own = {key: item for key, item in value.items() if key not in ("apiVersion", "kind", "name", "namespace")}
    return {f"f:{key}": _fields(item) for key, item in own.items()}
