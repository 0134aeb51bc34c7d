"""What is known of a provider and may be shown to who runs it."""

from __future__ import annotations

from dataclasses import replace

from airunway.clients.kubernetes import Object
from airunway.installation.chart_policy import trusted_config
from airunway.installation.metadata import ProviderMetadata, read_metadata
from airunway.installation.prerequisites import PREREQUISITES
from airunway.provider.registry import installed_providers

RESERVED = "its name is that of a shared prerequisite: nothing is installed for a provider that is called so"


def metadata_of(config: Object) -> ProviderMetadata:
    """What the provider's package says here; without one what its config says, with a warning.

    Commands are copied and run by administrators: whoever may edit a config must not choose them in silence.
    """
    name = config["metadata"]["name"]
    if name in PREREQUISITES:
        return replace(
            read_metadata(config), repositories=(), charts=(), crd_files=(), steps=(), warnings=(RESERVED,)
        )
    package = installed_providers().get(name)
    if package is not None:
        said = package.registration()
        trusted = trusted_config(name, given=None, annotations=said.annotations, spec=said.spec)
        return read_metadata(trusted or config)
    shown = read_metadata(config)
    if not (shown.charts or shown.crd_files or shown.steps):
        return shown
    warning = (
        "its config says what is installed, and others may edit that: read the commands before you run them"
    )
    return replace(shown, warnings=(*shown.warnings, warning))
