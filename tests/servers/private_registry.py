"""The private part of the registry in the cluster: what is pushed to, read from, and stands before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from airunway.activities.model_image.registry_login import new_login
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.storage import PrivateSide
from airunway.modelimage.naming import namespace_of_private
from airunway.modelimage.pull_access import password_of
from airunway.modelimage.registry_config import reader_config
from airunway.modelimage.registry_login import HTPASSWD, RegistryLogin, data_of
from airunway.workers.private_pulls import serving
from tests.servers.registry import GuardedRegistry

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class PrivateReads(GuardedRegistry):
    """The reading side, on the images of another process, with logins of its own."""

    def __init__(self, of: GuardedRegistry, *, htpasswd: bytes) -> None:
        self._of = of
        super().__init__(htpasswd=htpasswd)

    def prepare(self) -> None:
        config = reader_config(
            address=self.host, data=str(self._of.folder / "data"), htpasswd=str(self.folder / "htpasswd")
        )
        (self.folder / "config.yml").write_text(config)


@dataclass
class PrivateRegistry:
    """`url`: what nodes pull from. `keys`: those of now, newest first; `now`: the time there."""

    pushes: GuardedRegistry
    reads: PrivateReads
    push_login: RegistryLogin
    url: str = ""
    keys: list[RegistryLogin] = field(default_factory=list)
    now: datetime = NOW + timedelta(days=1)

    def pull_login(self, namespace: str) -> RegistryCredentials:
        """The login of a namespace by the newest key."""
        return RegistryCredentials(namespace, password_of(namespace, self.keys[0]))

    def side(self) -> PrivateSide:
        """Where the worker pushes."""

        async def login(_: str) -> RegistryCredentials:
            return RegistryCredentials(self.push_login.user, self.push_login.password)

        return PrivateSide(self.pushes.host, namespace_of_private, login)

    def rotate(self) -> None:
        """Another key, which came to every process before it is used."""
        self.keys = [new_login(self.now, "same"), *self.keys[:1]]
        self.reads.change_logins(data_of(self.keys)[HTPASSWD])
        self.now += timedelta(hours=1)


@asynccontextmanager
async def private_registry() -> AsyncIterator[PrivateRegistry]:
    """All of it, on the loopback."""
    push_login, key = new_login(NOW, "push"), new_login(NOW, "same")
    with (
        GuardedRegistry(htpasswd=data_of([push_login])[HTPASSWD]) as pushes,
        PrivateReads(pushes, htpasswd=data_of([key])[HTPASSWD]) as reads,
    ):
        made = PrivateRegistry(pushes, reads, push_login, keys=[key])
        async with serving(registry=reads.url, logins=lambda: made.keys, clock=lambda: made.now) as port:
            made.url = f"http://127.0.0.1:{port}"
            yield made
