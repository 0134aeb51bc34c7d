"""The accounts of our processes, and what each one uses."""

from __future__ import annotations

from airunway.provider.registry import installed_providers
from tests.deploy import gateway_uses, uses, web_uses
from tests.deploy.uses import INSTALLER, WATCHER, WEB, WEBHOOK, WORKER, Use, written_as

PROVIDERS = installed_providers()
KINDS = sorted({written_as(kind) for provider in PROVIDERS.values() for kind in provider.kinds})
MADE = sorted(
    {written_as(made.kind) for provider in PROVIDERS.values() if (made := provider.operator_objects)}
)


def account_of(provider: str) -> str:
    """The account of a provider's worker."""
    return f"airunway-{provider}-provider"


USES: dict[str, list[Use]] = {
    WORKER: [*uses.DEPLOYING, *uses.building(), *gateway_uses.publishing()],
    WATCHER: [*uses.watching(KINDS, MADE), *gateway_uses.following()],
    WEBHOOK: uses.ADMITTING,
    INSTALLER: uses.installing(),
    WEB: web_uses.SHOWING,
    **{account_of(name): uses.providing(provider) for name, provider in PROVIDERS.items()},
}
