"""Why a pod is pending, from the events about it (install.md B5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_TYPES = (("nvidia.com/gpu", "gpu"), ("cpu", "cpu"), ("memory", "memory"))
_NOT_BY_MORE_NODES = ("taint", "toleration", "node selector", "didn't match")


def pending_reasons(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """PodFailureReason of each warning."""
    return [_reason(event) for event in events if event.get("type") == "Warning"]


def _reason(event: Mapping[str, Any]) -> dict[str, Any]:
    reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
    words = message.lower()
    is_constraint = reason == "FailedScheduling" or "insufficient" in words
    kind = next((kind for word, kind in _TYPES if f"insufficient {word}" in words), None)
    kind = kind or next((kind for word, kind in _TYPES if is_constraint and word in words), None)
    shown: dict[str, Any] = {"reason": reason, "message": message, "isResourceConstraint": is_constraint}
    if kind:
        shown["resourceType"] = kind
    fits_nowhere = any(word in words for word in _NOT_BY_MORE_NODES)
    shown["canAutoscalerHelp"] = is_constraint and kind is not None and not fits_nowhere
    return shown
