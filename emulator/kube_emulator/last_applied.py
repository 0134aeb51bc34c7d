"""Lets `kubectl apply --server-side` take over from `kubectl apply`, which kept its configuration in an
annotation.

Rules: lastappliedupdater.go and lastappliedmanager.go in k8s.io/apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import typed
from .fieldsets import FieldSet, difference, union
from .schema import Node

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl"
Obj = dict[str, Any]


def _of(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata", {}).get("annotations") or {}).get(ANNOTATION, ""))


def excused(live: Mapping[str, Any], node: Node) -> FieldSet:
    """Fields that kubectl itself set last, and that still are as it set them: no conflicts for kubectl."""
    try:
        last = json.loads(_of(live))
        fields = typed.field_set(last, node)
        change = typed.compare(last, live, node)
    except (ValueError, AttributeError, typed.TypeMismatch):
        return {}
    return difference(fields, union(union(change.modified, change.added), change.removed))


def followed(obj: Obj, config: Mapping[str, Any]) -> Obj:
    """The applied object, with the annotation (where there is one) brought up to what was applied."""
    if not _of(obj):
        return obj
    metadata = dict(config.get("metadata") or {})
    kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != ANNOTATION}
    if "annotations" in metadata:
        metadata["annotations"] = kept
    text = json.dumps({**config, "metadata": metadata}, separators=(",", ":"), sort_keys=True) + "\n"
    annotations = {**obj["metadata"]["annotations"], ANNOTATION: text}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
