"""Both sides of the registry in the cluster, as processes; and what an attacker tries on them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp

from airunway.activities.model_image.registry_login import new_login
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.modelimage.registry_login import HTPASSWD, RegistryLogin, data_of
from tests.servers.registry import GuardedRegistry, PullSide

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class RegistrySides:
    """`logins`: those that the pushing side knows, newest first."""

    pushes: GuardedRegistry
    pulls: PullSide
    logins: list[RegistryLogin] = field(default_factory=list)

    @property
    def login(self) -> RegistryCredentials:
        """The newest login."""
        return RegistryCredentials(self.logins[0].user, self.logins[0].password)

    async def login_now(self) -> RegistryCredentials:
        """The newest login, as clients ask for it."""
        return self.login

    def rotate(self, *, keep_old: bool = True) -> None:
        """Another login, as the mounted Secret has it then."""
        old = self.logins[:1] if keep_old else []
        self.logins = [new_login(NOW + timedelta(days=len(self.logins)), "same"), *old]
        self.pushes.change_logins(data_of(self.logins)[HTPASSWD])

    def docker_config(self) -> str:
        """A Docker `config.json` with the newest login."""
        text = base64.b64encode(f"{self.login.user}:{self.login.password}".encode()).decode()
        return f'{{"auths": {{"{self.pushes.host}": {{"auth": "{text}"}}}}}}'


@contextmanager
def registry_sides() -> Iterator[RegistrySides]:
    """Both sides on one folder."""
    login = new_login(NOW, "same")
    with GuardedRegistry(htpasswd=data_of([login])[HTPASSWD]) as pushes, PullSide(pushes) as pulls:
        yield RegistrySides(pushes, pulls, [login])


async def status_of(
    method: str, url: str, *, login: RegistryCredentials | None = None, body: bytes = b"", kind: str = ""
) -> int:
    """HTTP status of one request."""
    headers = {"Content-Type": kind} if kind else {}
    if login is not None:
        headers["Authorization"] = login.header
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body or None, headers=headers) as answer,
    ):
        return answer.status
