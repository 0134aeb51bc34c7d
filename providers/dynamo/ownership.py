"""Whose an object is that stands before the graph. Pure. Source: dynamo.md §7, weak spot 12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment


def is_owned(deployment: ModelDeployment, obj: Mapping[str, Any]) -> bool:
    """Whether this very deployment, by uid, owns an object."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == deployment.metadata.uid for owner in owners)


def is_ours(obj: Mapping[str, Any]) -> bool:
    """Whether this system made an object, for whichever deployment."""
    return (obj["metadata"].get("labels") or {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY


def is_going(obj: Mapping[str, Any]) -> bool:
    """Whether an object is being deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))
