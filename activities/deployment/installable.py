"""Which providers count although their operator is missing. Apart: `airunway plan` asks as well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airunway.api.decision import InstallPolicy
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.kubernetes import Object
from airunway.installation.metadata import read_metadata
from airunway.installation.prerequisites import PREREQUISITES
from airunway.installation.state import lacks_only_its_operator
from airunway.selection.installable import NONE_INSTALLABLE, Installable

Listed = tuple[InferenceProviderConfig, Object]
"""A provider config, parsed and as the API server gave it."""


def installable_among(
    listed: Iterable[Listed], policy: InstallPolicy, *, alive_since: datetime
) -> Installable:
    """The providers that lack nothing but their operator, under a policy."""
    if policy is InstallPolicy.NEVER:
        return NONE_INSTALLABLE
    names = {
        config.name
        for config, obj in listed
        if config.name not in PREREQUISITES
        and not config.ready
        and lacks_only_its_operator(read_metadata(obj), obj, alive_since=alive_since)
    }
    return Installable(names=names, policy=policy)
