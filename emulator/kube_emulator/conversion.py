"""Shows one stored object in each of its versions: both Event kinds, and the versions of a custom resource.

Events are kept as core/v1 and renamed as k8s.io/kubernetes/pkg/apis/events/v1/conversion.go does; the
versions of a custom resource differ in their `apiVersion` only (conversion strategy None).
"""

from __future__ import annotations

from typing import Any

from .gotypes import normalise
from .kinds import Kind
from .schema import builtin
from .store import Version, encode_json

GROUP = "events.k8s.io"
_INWARD = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_OUTWARD = {inner: outer for outer, inner in _INWARD.items()}


def inward(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """An object as it is stored."""
    if kind.group != GROUP:
        return obj
    return normalise(_renamed(obj, _INWARD, "v1"), builtin("io.k8s.api.core.v1.Event"))


def outward(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """A stored object as this kind shows it."""
    if kind.group == GROUP:
        return normalise(_renamed(obj, _OUTWARD, f"{GROUP}/v1"), kind.node)
    return obj if obj["apiVersion"] == kind.api_version else {**obj, "apiVersion": kind.api_version}


def body(kind: Kind, version: Version) -> bytes:
    """A stored object as JSON in this kind's form."""
    if kind.builtin and kind.group != GROUP:
        return version.body
    if kind.builtin or version.obj["apiVersion"] != kind.api_version:
        return encode_json(outward(kind, version.obj)).encode()
    return version.body


def _renamed(obj: dict[str, Any], names: dict[str, str], api_version: str) -> dict[str, Any]:
    return {names.get(key, key): api_version if key == "apiVersion" else value for key, value in obj.items()}
