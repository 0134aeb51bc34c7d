"""Both sides of the registry in the cluster, as processes; and what an attacker tries on them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp

from airunway.activities.model_image.registry_login import new_login
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.modelimage.registry_login import HTPASSWD, RegistryLogin, data_of
from tests.clients.buildkit.world import MANIFEST
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
def both_sides() -> Iterator[RegistrySides]:
    """Both sides on one folder."""
    login = new_login(NOW, "same")
    with GuardedRegistry(htpasswd=data_of([login])[HTPASSWD]) as pushes, PullSide(pushes) as pulls:
        yield RegistrySides(pushes, pulls, [login])


async def status_of(
    method: str, url: str, *, login: RegistryCredentials | None = None, body: bytes = b"", kind: str = ""
) -> int:
    """HTTP status of one request."""
    headers = {"Accept": MANIFEST, **({"Content-Type": kind} if kind else {})}
    if login is not None:
        headers["Authorization"] = login.header
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body or None, headers=headers) as answer,
    ):
        return answer.status


async def push_changed(sides: RegistrySides, repository: str, digest: str, tag: str = "changed") -> bytes:
    """Push a manifest with an image's genuine layers and another entrypoint; answers it."""
    headers = {"Authorization": sides.login.header, "Accept": MANIFEST}
    url = f"{sides.pushes.url}/v2/{repository}"
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
        async with session.get(f"{url}/manifests/{digest}") as answer:
            manifest = json.loads(await answer.read())
        async with session.get(f"{url}/blobs/{manifest['config']['digest']}") as answer:
            config = json.loads(await answer.read())
        config["config"]["Entrypoint"] = ["/bin/sh", "-c", "steal"]
        body = json.dumps(config).encode()
        changed = f"sha256:{hashlib.sha256(body).hexdigest()}"
        async with session.post(f"{url}/blobs/uploads/") as begun:
            where = begun.url.join(aiohttp.client.URL(begun.headers["Location"]))
        async with session.put(where.update_query(digest=changed), data=body):
            pass
        manifest["config"] |= {"digest": changed, "size": len(body)}
        text = json.dumps(manifest).encode()
        async with session.put(f"{url}/manifests/{tag}", data=text, headers={"Content-Type": MANIFEST}):
            return text


async def put_in_place_of(sides: RegistrySides, repository: str, digest: str) -> tuple[str, list[str]]:
    """Let every tag lead to an image with the genuine layers and another entrypoint; its digest, the tags."""
    headers = {"Authorization": sides.login.header}
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.get(f"{sides.pushes.url}/v2/{repository}/tags/list") as answer,
    ):
        tags = list((await answer.json())["tags"])
    texts = [await push_changed(sides, repository, digest, tag) for tag in tags]
    return f"sha256:{hashlib.sha256(texts[0]).hexdigest()}", tags
