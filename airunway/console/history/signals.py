"""Signals that a workflow got, in words. Pure.

Whoever reaches Temporal can send one, with any content. So nothing of a signal is told as a fact: it is what
its sender says. What became of it the journal tells, which has it from the owner of the fact.
"""

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
    """One signal. `said`: its content, where that claims anything."""

    what: str
    message: str
    why: str = ""
    said: dict[str, Any] = field(default_factory=dict)


def told_signal(name: str, payloads: Sequence[Any], *, is_deployment: bool) -> Sent | None:
    """What is told of it; None: it is machinery. `is_deployment`: the receiver is a deployment's workflow."""
    payload = payloads[0] if payloads and isinstance(payloads[0], dict) else {}
    if name in COMMANDS or name == "cancel":
        by, why = str(payload.get("by") or ""), str(payload.get("reason") or "")
        in_name = f", in the name of {by}" if by else ""
        return Sent(name, f"asked for by a signal{in_name}", why=why, said=payload)
    kind = name.removeprefix(INTERNAL)
    if not name.startswith(INTERNAL) and kind not in _INTERNAL_KINDS:
        return Sent(name, "a signal that means nothing here")
    return _internal(kind, payload) if is_deployment else None


def _internal(kind: str, payload: dict[str, Any]) -> Sent | None:
    if kind == OBJECT_CHANGED:
        cause = str(payload.get("cause") or "something changed")
        return Sent(kind, f"told to look: {cause}", said=payload)
    if kind == INSTALL_REPORT:
        how = "installed" if payload.get("succeeded") else "not installed"
        message = str(payload.get("message") or "")
        words = f"provider {payload.get('provider', '')} is {how}" + (f": {message}" if message else "")
        return Sent(kind, f"its sender says: {words}", said=payload)
    if kind == IMAGE_REPORT:
        phase = str(payload.get("phase") or "").lower()
        if phase not in _FINAL_PHASES:
            return None
        image = payload.get("image")
        reference = image.get("reference") if isinstance(image, dict) else ""
        message = str(payload.get("message") or reference or "")
        words = f"the model's image is {phase}" + (f": {message}" if message else "")
        return Sent(kind, f"its sender says: {words}", said=payload)
    return None
