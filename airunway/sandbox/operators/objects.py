"""Small helpers on Kubernetes objects as JSON data. Pure but for the clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name."""


def now() -> str:
    """The present as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_seconds(timestamp: str) -> float:
    """Seconds since a time of the API."""
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()


def key_of(obj: Mapping[str, Any]) -> Key:
    """An object's key."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner reference of the controlling owner, if there is one."""
    references: Sequence[Mapping[str, Any]] = obj["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)


def owner_reference(owner: Mapping[str, Any], api_version: str, kind: str) -> Object:
    """A reference that makes `owner` the controlling owner."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def short_hash(value: Any) -> str:
    """A short name for a JSON value, of letters that are safe in any object name."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(letters[byte % len(letters)] for byte in digest[:10])


def with_condition(conditions: Sequence[Mapping[str, Any]], new: Mapping[str, Any]) -> list[Object]:
    """The conditions with one set; its lastTransitionTime is kept while the status stays."""
    old = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    kept = old is not None and old.get("status") == new["status"]
    since = old["lastTransitionTime"] if kept and old else now()
    merged = {**new, "lastTransitionTime": since}
    others = [dict(entry) for entry in conditions if entry["type"] != new["type"]]
    return [*others, merged]


def replacing(known: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> Object:
    """A merge patch that leaves nothing of `known` which is not in `wanted`."""
    before = known or {}
    patch: Object = {}
    for key in {**before, **wanted}:
        value, old = wanted.get(key), before.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        patch[key] = replacing(old, value) if both else value  # type: ignore[arg-type]
    return patch


def condition(obj: Mapping[str, Any], wanted: str) -> Mapping[str, Any] | None:
    """One condition of an object's status."""
    conditions: Sequence[Mapping[str, Any]] = (obj.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry.get("type") == wanted), None)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod serves."""
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


_UNITS = {
    "": 1.0,
    "m": 0.001,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def amount(quantity: Any) -> float:
    """A quantity as a number, close enough to compare requests with a node's capacity."""
    text = str(quantity)
    number = text.rstrip("KMGTimk")
    return float(number) * _UNITS.get(text[len(number) :], 1.0)
