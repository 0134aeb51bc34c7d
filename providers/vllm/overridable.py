"""What tenants may override in a Deployment of Direct vLLM: how it rolls out, and its pods."""

from __future__ import annotations

from airunway.provider import overridable

OVERRIDABLE = (
    *overridable.ROLL_OUT,
    *overridable.template_paths("spec.template"),
)
