"""Shows objects as tables, the form `kubectl get` asks for.

Source: k8s.io/apiserver's table conversion and k8s.io/apiextensions-apiserver's tableconvertor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from . import conversion, durations, jsonpath, printers
from .kinds import Column, Kind
from .store import Version

Obj = dict[str, Any]
_AGE = Column("Age", "date", ".metadata.creationTimestamp")


def table(
    kind: Kind,
    versions: Iterable[Version],
    metadata: Mapping[str, Any],
    *,
    include: str = "",
    headers: bool = True,
) -> Obj:
    """A Table of objects. `include` is what each row carries: Metadata (the default), Object or None."""
    out: Obj = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": dict(metadata)}
    out["columnDefinitions"] = _headers(kind) if headers else None
    out["rows"] = [_row(kind, version, include or "Metadata") for version in versions]
    return out


def _row(kind: Kind, version: Version, include: str) -> Obj:
    obj = version.obj
    row: Obj = {"cells": _cells(kind, obj)}
    if include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    elif include == "Object":
        row["object"] = conversion.outward(kind, obj)
    return row


def _columns(kind: Kind) -> tuple[Column, ...]:
    return kind.columns or (_AGE,)


def _headers(kind: Kind) -> list[Obj]:
    if kind.builtin:
        return printers.columns_of(kind.kind)
    headers = [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}]
    for column in _columns(kind):
        description = (
            column.description or f"Custom resource definition column (in JSONPath format): {column.path}"
        )
        headers.append(
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": description,
                "priority": column.priority,
            }
        )
    return headers


def _cells(kind: Kind, obj: Obj) -> list[Any]:
    if kind.builtin:
        return printers.cells_of(kind.kind, obj)
    return [
        obj["metadata"]["name"],
        *(_cell(column, jsonpath.first(obj, column.path)) for column in _columns(kind)),
    ]


def _cell(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "string":
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    if column.type == "date":
        return durations.since(value) if isinstance(value, str) else None
    if column.type == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if column.type == "integer" else value
