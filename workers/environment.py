"""The settings as the environment says them, and no variable in it that looks like one and is none.

A misspelt setting would be left out in silence, and what it was to guard stay open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from airunway.workers.command_settings import CommandSettings

if TYPE_CHECKING:
    from airunway.workers.settings import Settings  # which is loaded where more than CommandSettings counts

PREFIX = "AIRUNWAY_"
OF_OTHERS = frozenset(
    {
        "AIRUNWAY_DISABLE_AICONFIGURATOR",  # of AI Runway's own backend, which may share an environment
        "AIRUNWAY_IMAGE",  # of docker-compose.yaml
        "AIRUNWAY_TRACEBACK",  # of the command line
        # Of tests and tools, which start processes of ours:
        *("AIRUNWAY_CASES", "AIRUNWAY_EXAMPLES", "AIRUNWAY_FAULT_SEED", "AIRUNWAY_REAL"),
        *("AIRUNWAY_SAMPLES", "AIRUNWAY_SCREENSHOTS", "AIRUNWAY_SHUFFLES"),
        *("AIRUNWAY_TOOLS_CACHE", "AIRUNWAY_UPSTREAM_CRDS"),
    }
)
"""Variables that begin like ours, and are no settings."""
LINK_ENDS = ("_SERVICE_HOST", "_SERVICE_PORT")
"""Kubernetes describes a Service `airunway-x` to pods of its namespace by these and `AIRUNWAY_X_PORT…`."""
_CLOSE = 0.75


class UnknownVariables(ValueError):
    """A variable is named like a setting and is none. The message says which was meant, perhaps."""


def read_settings() -> Settings:
    """The settings of this process. Raises UnknownVariables, ValidationError."""
    from airunway.workers.settings import Settings

    refuse_unknown(os.environ)
    return Settings()


def read_command_settings() -> CommandSettings:
    """Those of a command that only looks; what else is set is judged as well. Raises as `read_settings`."""
    given = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
    return CommandSettings() if given <= _variables(CommandSettings) | OF_OTHERS else read_settings()


def _variables(settings: type[CommandSettings]) -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in settings.model_fields}


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise UnknownVariables for what begins like a setting of ours and is none. Values are never shown."""
    from airunway.workers.settings import Settings

    settings = _variables(Settings)
    given = {name.upper(): name for name in environ if name.upper().startswith(PREFIX)}
    links = _service_links(given)
    rest = [name for name in given if name not in settings | OF_OTHERS and not name.startswith(links)]
    if not rest:
        return
    ours, prefixes = _of_providers()
    unknown = [name for name in sorted(rest) if name not in ours and not name.startswith(prefixes)]
    if unknown:
        words = " ".join(_told(given[name], sorted(settings | ours)) for name in unknown)
        raise UnknownVariables(f"{words} docs/settings.md lists the settings")


def _told(name: str, known: Iterable[str]) -> str:
    import difflib

    from airunway.api.plain_text import one_line

    close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_CLOSE)
    return f"{one_line(name)} is no setting{f'; is {close[0]} meant?' if close else '.'}"


def _service_links(names: Iterable[str]) -> tuple[str, ...]:
    """What the variables of Services begin with: each has both of `LINK_ENDS`."""
    given = set(names)
    services = {name.removesuffix(LINK_ENDS[0]) for name in given if name.endswith(LINK_ENDS[0])}
    found = [service for service in services if f"{service}{LINK_ENDS[1]}" in given]
    return tuple(
        f"{service}{end}" for service in found for end in ("_SERVICE_HOST", "_SERVICE_PORT", "_PORT")
    )


def _of_providers() -> tuple[frozenset[str], tuple[str, ...]]:
    """Variables that installed providers read, and what those of providers begin with that name none.

    Loaded only where there is something that no setting explains: a command has no time for it.
    """
    from airunway.provider.pod_security import level_variable, user_variable
    from airunway.provider.registry import installed_providers
    from airunway.provider.serving_image import POLICY_VARIABLE

    found, prefixes = {POLICY_VARIABLE}, []
    for name, provider in installed_providers().items():
        found |= {level_variable(name), user_variable(name), *(provider.variables or ())}
        if provider.variables is None:
            prefixes.append(f"{PREFIX}{name.upper().replace('-', '_')}_")
    return frozenset(found), tuple(prefixes)
