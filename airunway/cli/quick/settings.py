"""The settings of a plain list, from the environment, where no other is set.

The settings themselves are declared in `workers/settings.py` and its neighbours; a test compares.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from airunway.cli.placing import Where, place_of
from airunway.cli.quick.problems import NotPlainError
from airunway.workers.temporal.local_server import DEFAULT_NAMESPACE, LOCAL_ADDRESS, LOCAL_UI

PREFIX = "AIRUNWAY_"
_CLUSTER = re.compile(r"([a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?)?")
_OF_TEMPORAL = "TEMPORAL_"
"""What the SDK's environment configuration reads; a profile's file is looked for by `visibility`."""


@dataclass(frozen=True)
class PlainSettings:
    """Named as the settings are."""

    cluster: str = ""
    kubeconfig: Path | None = None
    context: str | None = None
    temporal_address: str | None = None
    temporal_namespace: str | None = None
    temporal_ui: str | None = None
    temporal_environment: bool = True

    @property
    def address(self) -> str:
        """Of Temporal: host:port."""
        return self.temporal_address or LOCAL_ADDRESS

    @property
    def namespace(self) -> str:
        """Of Temporal."""
        return self.temporal_namespace or DEFAULT_NAMESPACE

    @property
    def ui(self) -> str:
        """Address of Temporal's UI, without a slash at the end."""
        return (self.temporal_ui or LOCAL_UI).rstrip("/")


_READ = ("cluster", "context", "temporal_address", "temporal_namespace", "temporal_ui")


def plain_settings(environment: Mapping[str, str]) -> PlainSettings:
    """What it says. Raises NotPlainError where it says more than a list of the plain kind knows of."""
    given = {name: value for name, value in environment.items() if name.upper().startswith(PREFIX)}
    known = {f"{PREFIX}{name.upper()}": name for name in (*_READ, "kubeconfig")}
    if not given.keys() <= known.keys() or any(name.startswith(_OF_TEMPORAL) for name in environment):
        raise NotPlainError
    said: dict[str, Any] = {known[name]: value for name, value in given.items() if value}
    if len(said) < len(given) or not _CLUSTER.fullmatch(said.get("cluster", "")):
        raise NotPlainError
    if "kubeconfig" in said:
        said["kubeconfig"] = Path(said["kubeconfig"])
    return PlainSettings(**said)


def placed(settings: PlainSettings, where: Where) -> tuple[PlainSettings, str]:
    """With the cluster that was named, or found, and what a person is told of it. Raises CliError."""
    place = place_of(settings.kubeconfig, settings.context, where)
    known = {entry.name for entry in fields(settings)}
    laid_over = {name: value for name, value in place.settings.items() if name in known}
    return replace(settings, **laid_over), place.remark


def read_plain_settings() -> PlainSettings:
    """Those of this process. Raises NotPlainError."""
    return plain_settings(os.environ)
