"""The administrator's settings of what deployments may override and demand, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from airunway.api.overrides import OverridesMode
from airunway.api.paths import Pattern, pattern
from airunway.provider.ceilings import Ceilings

EVERY_PROVIDER = "*"


@dataclass(frozen=True, kw_only=True)
class OverridesPolicy:
    """`allowed`: paths that are permitted beyond a provider's own list, by the provider's name, or `*`."""

    mode: OverridesMode = OverridesMode.ALLOWLIST
    allowed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ceilings: Ceilings = field(default_factory=Ceilings)

    def permitted(self, provider: str) -> list[Pattern]:
        """What the administrator permits for a provider."""
        texts = [*self.allowed.get(EVERY_PROVIDER, ()), *self.allowed.get(provider, ())]
        return [pattern(text) for text in texts]
