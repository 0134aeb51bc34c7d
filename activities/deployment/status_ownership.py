"""Whose a deployment's status is, field by field: what AI Runway's own controllers set becomes ours. Pure.

They wrote by merge patch and update (core.md §9). What we never send would stay as they left it for ever, as
a Gateway that is gone; so their fields are moved to us, and a later apply that leaves them out takes them
away. Conditions that AI Runway does not know are somebody else's, under whatever name they were written.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.activities.upstream.ownership import merge_fields
from airunway.api import names
from airunway.api.adoption import is_status_of_others
from airunway.api.status import DeploymentStatus

GATEWAY_READY = "GatewayReady"
KNOWN_CONDITIONS = frozenset(
    {
        "Validated",
        "EngineSelected",
        "ProviderSelected",
        GATEWAY_READY,
        "ProviderCompatible",
        "StorageReady",
        "ModelDownloaded",
        "ResourceCreated",
        "Ready",
        "ImageResolved",
        "ImageVerified",
        "UnsupportedImage",
        "RecipeResolved",
        "NightlyAvailable",
        "HardwareCompatible",
    }
)
"""Of AI Runway (crds.md §6.1)."""
_OF_THE_CORE = frozenset({"Validated", "EngineSelected", "ProviderSelected", GATEWAY_READY})
_FIELDS = frozenset(f"f:{field.alias or name}" for name, field in DeploymentStatus.model_fields.items())
_FIELDS_OF_THE_CORE = frozenset({"f:observedGeneration", "f:engine", "f:gateway"})


def with_own_conditions(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The status with those conditions only that this system goes on with, and will write again.

    What others set stays theirs. What the Gateway of another controller said is not true for us.
    """
    status, ours, known = dict(obj.get("status") or {}), set(_own_conditions(obj)), KNOWN_CONDITIONS
    if is_status_of_others(obj):
        status.pop("gateway", None)
        known -= {GATEWAY_READY}
    kept = [entry for entry in status.get("conditions") or [] if _type_of(entry) in known | ours]
    return {**status, "conditions": kept}


def takeover_patch(obj: Mapping[str, Any], *, is_shared: bool) -> list[dict[str, Any]] | None:
    """A JSON patch that moves what former controllers own of the status to us; None: they own nothing.

    `is_shared`: a provider controller outside goes on writing its part.
    """
    meta = obj["metadata"]
    entries = [copy.deepcopy(entry) for entry in meta.get("managedFields") or ()]
    moved: dict[str, Any] = {}
    for entry in entries:
        if _is_former(entry, is_shared=is_shared):
            status = (entry.get("fieldsV1") or {}).get("f:status") or {}
            merge_fields(moved, _taken_out(status, is_shared=is_shared))
    if not moved:
        return None
    kept = [entry for entry in entries if _owns_something(entry)]
    ours = next((entry for entry in kept if _is_ours(entry)), None)
    if ours is None:
        ours = {
            "manager": names.STATUS_FIELD_MANAGER,
            "operation": "Apply",
            "apiVersion": names.API_VERSION,
            "fieldsType": "FieldsV1",
            "subresource": "status",
        }
        kept.append(ours)
    merge_fields(ours.setdefault("fieldsV1", {}), {"f:status": moved})
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
    ]


def _taken_out(status: dict[str, Any], *, is_shared: bool) -> dict[str, Any]:
    """What is moved, taken out of an entry's fields of the status."""
    fields = _FIELDS_OF_THE_CORE if is_shared else _FIELDS
    moved = {key: status.pop(key) for key in list(status) if key in fields - {"f:conditions"}}
    conditions = status.get("f:conditions") or {}
    known = _OF_THE_CORE if is_shared else KNOWN_CONDITIONS
    keys = [key for key in conditions if _type_in(key) in known]
    if keys:
        moved["f:conditions"] = {key: conditions.pop(key) for key in keys}
    if not any(key.startswith("k:") for key in conditions):
        status.pop("f:conditions", None)
    return moved


def _is_former(entry: Mapping[str, Any], *, is_shared: bool) -> bool:
    managers = names.FORMER_STATUS_MANAGERS - (names.FORMER_FIELD_MANAGERS if is_shared else frozenset())
    is_status = entry.get("subresource") == "status" and entry.get("operation") == "Update"
    return is_status and entry.get("manager") in managers


def _owns_something(entry: Mapping[str, Any]) -> bool:
    fields = entry.get("fieldsV1") or {}
    return entry.get("subresource") != "status" or any(fields.values())


def _is_ours(entry: Mapping[str, Any]) -> bool:
    is_apply = entry.get("operation") == "Apply" and entry.get("subresource") == "status"
    return is_apply and entry.get("manager") == names.STATUS_FIELD_MANAGER


def _own_conditions(obj: Mapping[str, Any]) -> Iterator[str]:
    for entry in obj["metadata"].get("managedFields") or ():
        if _is_ours(entry):
            status = (entry.get("fieldsV1") or {}).get("f:status") or {}
            yield from filter(None, map(_type_in, status.get("f:conditions") or {}))


def _type_in(key: str) -> str:
    """The type that a key of `fieldsV1` names, as `k:{"type":"Ready"}`; empty: none."""
    return str(json.loads(key.removeprefix("k:")).get("type", "")) if key.startswith("k:") else ""


def _type_of(entry: Any) -> str:
    return str(entry.get("type", "")) if isinstance(entry, Mapping) else ""
