"""The login for a registry."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

from airunway.clients.registry.errors import RegistryDenied


@dataclass(frozen=True)
class RegistryCredentials:
    """A registry's login."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """Value of the Authorization header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def read_login(file: Path, host: str) -> RegistryCredentials | None:
    """The login for a host out of a Docker `config.json`; None when it has none. Raises RegistryDenied."""
    try:
        entry = (json.loads(file.read_text()).get("auths") or {}).get(host) or {}
        user, password = entry.get("username", ""), entry.get("password", "")
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (OSError, ValueError, AttributeError) as err:
        raise RegistryDenied(
            f"the login for {host} cannot be read from {file}: {type(err).__name__}"
        ) from err
    return RegistryCredentials(user, password) if user else None
