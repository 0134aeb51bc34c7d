"""`spec.provider.overrides`: where it stands, and how much of it an administrator permits."""

from __future__ import annotations

from enum import StrEnum

FIELD = "spec.provider.overrides"


class OverridesMode(StrEnum):
    """What overrides may touch. Ceilings and forbidden fields hold for what is rendered in each mode."""

    OFF = "off"
    ALLOWLIST = "allowlist"
    ANYTHING = "anything"
