"""Providers that lack nothing but their upstream operator: second choice, by the same rules.

Which providers these are is found by the caller (`installation.state.lacks_only_its_operator`). A ready
provider always comes first: nothing is installed for a deployment that can be served without.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airunway.api.decision import InstallationNeed, InstallPolicy
from airunway.api.provider_config import InferenceProviderConfig, ProviderConfigStatus

INSTALLATION_REQUIRED = "InstallationRequired"


@dataclass(frozen=True, kw_only=True)
class Installable:
    """The providers, by name, and what becomes of a deployment that gets one."""

    names: Collection[str] = ()
    policy: InstallPolicy = InstallPolicy.NEVER

    def __bool__(self) -> bool:
        """Whether there is any that counts."""
        return bool(self.names) and self.policy is not InstallPolicy.NEVER

    def need(self, provider: str, *, reason: str = "") -> InstallationNeed | None:
        """What has to be installed for a provider; None: nothing."""
        if not self or provider not in self.names:
            return None
        return InstallationNeed(provider=provider, policy=self.policy, reason=reason)

    def as_if_installed(
        self, configs: Sequence[InferenceProviderConfig]
    ) -> Sequence[InferenceProviderConfig]:
        """The configs as they would be if these were installed; the same when none is."""
        if not self or not any(config.name in self.names for config in configs):
            return configs
        return [_ready(config) if config.name in self.names else config for config in configs]


NONE_INSTALLABLE = Installable()


def install_command(provider: str) -> str:
    """What a person runs."""
    return f"airunway providers install {provider}"


def _ready(config: InferenceProviderConfig) -> InferenceProviderConfig:
    status = config.status or ProviderConfigStatus()
    return config.model_copy(update={"status": status.model_copy(update={"ready": True})})
