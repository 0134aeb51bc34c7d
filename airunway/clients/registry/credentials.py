"""The login for a registry."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
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


Login = Callable[[], Awaitable[RegistryCredentials | None]]
"""The login of a registry, asked for at each use so that a renewed one counts; None: it wants none."""


async def no_login() -> RegistryCredentials | None:
    """Of a registry that lets everybody in."""
    return None


def login_of_file(file: Path, host: str) -> Login:
    """The login for a host out of a Docker `config.json`. Raises RegistryDenied when it is asked for."""

    async def read() -> RegistryCredentials | None:
        return await asyncio.to_thread(read_login, file, host)

    return read


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
