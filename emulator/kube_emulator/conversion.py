"""Shows one stored object in each version of its custom kind: they differ in their `apiVersion` only.

That is what the conversion strategy `None` means.
"""

from __future__ import annotations

from typing import Any

from .kinds import Kind
from .store import Version, encode_json


def outward(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """A stored object as this version of its kind shows it."""
    return obj if obj["apiVersion"] == kind.api_version else {**obj, "apiVersion": kind.api_version}


def body(kind: Kind, version: Version) -> bytes:
    """A stored object as JSON in this version's form."""
    if version.obj["apiVersion"] == kind.api_version:
        return version.body
    return encode_json(outward(kind, version.obj)).encode()
