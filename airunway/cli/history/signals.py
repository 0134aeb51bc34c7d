"""Signals that a workflow got, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airunway.messages.commands import COMMANDS, INTERNAL
from airunway.messages.model_image import ModelImagePhase

OBJECT_CHANGED, INSTALL_REPORT, IMAGE_REPORT = "object_changed", "install_report", "image_report"
_INTERNAL_KINDS = (OBJECT_CHANGED, INSTALL_REPORT, IMAGE_REPORT)
_FINAL_PHASES = [phase.value for phase in ModelImagePhase if phase.is_final]
"""What comes before is progress, and no news for an audit."""


@dataclass(frozen=True)
class Sent:
    """One signal. `by` empty: whoever's identity the event holds."""

    what: str
    message: str
    by: str = ""
    why: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def told_signal(name: str, payloads: Sequence[Any], *, is_deployment: bool) -> Sent | None:
    """What is told of it; None: it is machinery. `is_deployment`: the receiver is a deployment's workflow."""
    payload = payloads[0] if payloads and isinstance(payloads[0], dict) else {}
    if name in COMMANDS or name == "cancel":
        by, why = str(payload.get("by") or ""), str(payload.get("reason") or "")
        return Sent(name, "asked for by a signal", by=by, why=why)
    kind = name.removeprefix(INTERNAL)
    if not name.startswith(INTERNAL) and kind not in _INTERNAL_KINDS:
        return Sent(name, "a signal that means nothing here")
    return _internal(kind, payload) if is_deployment else None


def _internal(kind: str, payload: dict[str, Any]) -> Sent | None:
    if kind == OBJECT_CHANGED:
        return Sent(kind, str(payload.get("cause") or "something changed"))
    if kind == INSTALL_REPORT:
        how = "installed" if payload.get("succeeded") else "not installed"
        message = str(payload.get("message") or "")
        words = f"provider {payload.get('provider', '')} is {how}" + (f": {message}" if message else "")
        return Sent(kind, words, details=payload)
    if kind == IMAGE_REPORT:
        phase = str(payload.get("phase") or "").lower()
        if phase not in _FINAL_PHASES:
            return None
        image = payload.get("image")
        reference = image.get("reference") if isinstance(image, dict) else ""
        message = str(payload.get("message") or reference or "")
        return Sent(
            kind, f"the model's image is {phase}" + (f": {message}" if message else ""), details=payload
        )
    return None
