"""The registry that built model images are kept in: look one up, verify it, give it a tag.

Named by an administrator, so its address may be inside the cluster and its transport plain HTTP; apart from
`client`, which asks whom users name.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from yarl import URL

from airunway.clients.errors import error_text
from airunway.clients.guarded_http import GuardedHttp, OutboundPolicy, is_loopback
from airunway.clients.registry import documents
from airunway.clients.registry.attachments import attached_to, digest_at
from airunway.clients.registry.credentials import Login, RegistryCredentials, no_login
from airunway.clients.registry.errors import ImageBroken, ImageNotFound, RegistryUnavailable
from airunway.clients.registry.http import RegistryCalls, read_document
from airunway.clients.registry.references import is_digest
from airunway.clients.registry.signatures import (
    StoredSignature,
    add_signature,
    read_signatures,
)


@dataclass(frozen=True, kw_only=True)
class StoredModelImage:
    """A model image as the registry has it."""

    repository: str
    digest: str
    media_type: str
    manifest: bytes
    config: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of its config."""
        labels = (self.config.get("config") or {}).get("Labels")
        return labels if isinstance(labels, Mapping) else {}

    @property
    def layer_bytes(self) -> int:
        """Size of its layers as stored."""
        return sum(int(layer.get("size") or 0) for layer in json.loads(self.manifest).get("layers") or ())


@dataclass(frozen=True)
class PrivateSide:
    """Where the repositories are that one namespace alone may have.

    `namespace_of`: that of a repository; empty when it is none of those. `login`: who we are there, for what
    is that namespace's.
    """

    host: str
    namespace_of: Callable[[str], str]
    login: Callable[[str], Awaitable[RegistryCredentials | None]]


class ModelImageStorage:
    """One registry. `insecure`: plain HTTP (always so on the loopback). `login`: who we are there.

    `private`: None: it has private repositories beside the others.
    """

    def __init__(
        self,
        host: str,
        *,
        insecure: bool = False,
        login: Login = no_login,
        private: PrivateSide | None = None,
        architecture: str = "amd64",
        call_timeout: timedelta = timedelta(seconds=10),
        policy: OutboundPolicy | None = None,
    ) -> None:
        self.host = host
        self.insecure = insecure or is_loopback(URL(f"//{host}").host or "")
        self.login, self.private = login, private
        self._architecture = architecture
        self._call_timeout = call_timeout
        self._policy = policy

    def host_of(self, repository: str) -> str:
        """What a repository is pushed to."""
        return self.private.host if self.private and self.private.namespace_of(repository) else self.host

    async def login_of(self, repository: str) -> RegistryCredentials | None:
        """Who we are there."""
        if self.private and (namespace := self.private.namespace_of(repository)):
            return await self.private.login(namespace)
        return await self.login()

    async def ping(self, repository: str = "") -> None:
        """Raises RegistryUnavailable or RegistryDenied when it, or what has that repository, cannot be
        used."""
        async with self._calls(repository) as calls:
            await calls.ping()

    async def find(self, repository: str, version: str) -> StoredModelImage | None:
        """The image that a tag or digest stands for, or None.

        Raises ImageBroken, RegistryUnavailable, RegistryDenied.
        """
        async with self._calls(repository) as calls:
            try:
                response, body = await calls.fetch("GET", calls.manifest(version))
            except ImageNotFound:
                return None
            digest = documents.digest_of(body)
            if is_digest(version) and version.startswith("sha256:") and version != digest:
                raise ImageBroken(f"{repository}: the manifest of {version} has the digest {digest}")
            try:
                config = await self._config(calls, await read_document(body))
            except (ValueError, AttributeError, LookupError, TypeError) as err:
                raise ImageBroken(f"{repository}@{digest}: its documents cannot be read: {err}") from err
            return StoredModelImage(
                repository=repository,
                digest=digest,
                media_type=response.headers.get("Content-Type", documents.MANIFEST_TYPES[0]),
                manifest=body,
                config=config,
            )

    async def _config(self, calls: RegistryCalls, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        if documents.is_index(manifest):  # AIKit's frontend adds a provenance
            manifest = await calls.json(
                calls.manifest(documents.platform_digest(manifest, self._architecture))
            )
        _, body = await calls.fetch("GET", calls.blob(manifest["config"]["digest"]))
        if documents.digest_of(body) != manifest["config"]["digest"]:
            raise ValueError("the config has another digest")
        config = await read_document(body)
        if not isinstance(config, Mapping):
            raise ValueError("the config is no JSON object")
        return config

    async def has_blobs(self, image: StoredModelImage) -> bool:
        """Whether every layer that the manifest names is there, in its size."""
        async with self._calls(image.repository) as calls:
            for layer in json.loads(image.manifest).get("layers") or ():
                try:
                    response, _ = await calls.fetch("HEAD", calls.blob(layer["digest"]))
                except ImageNotFound:
                    return False
                if response.headers.get("Content-Length", str(layer["size"])) != str(layer["size"]):
                    return False
        return True

    async def tag(self, image: StoredModelImage, tag: str) -> None:
        """Let a tag point to the image. Raises RegistryUnavailable, RegistryDenied."""
        async with self._calls(image.repository) as calls:
            await calls.fetch("PUT", calls.manifest(tag), body=image.manifest, content_type=image.media_type)

    async def digest_of(self, repository: str, tag: str) -> str:
        """The digest that a tag stands for; empty when there is none. Raises RegistryUnavailable,
        RegistryDenied."""
        async with self._calls(repository) as calls:
            return await digest_at(calls, tag)

    async def remove(self, repository: str, digest: str, *, spared: Collection[str] = ()) -> bool:
        """Remove an image with all its tags, and what anybody attached to it; whether it was there. Layers
        stay until the registry collects them. `spared`: digests of images that stay, whatever is said of
        them. Raises RegistryUnavailable, RegistryDenied."""
        async with self._calls(repository) as calls:
            # First what would not be found any more without the image, should this be cut off.
            attached = await attached_to(calls, digest, spared=spared)
            removed = [await _removed(calls, each) for each in (*attached, digest)]
        return removed[-1]

    async def signatures(self, repository: str, digest: str) -> list[StoredSignature]:
        """What is kept as signatures of an image, unchecked. Raises RegistryUnavailable, RegistryDenied."""
        async with self._calls(repository) as calls:
            return await read_signatures(calls, digest)

    async def add_signature(self, repository: str, digest: str, added: StoredSignature) -> None:
        """Keep a signature beside those that are there. Raises RegistryUnavailable, RegistryDenied."""
        async with self._calls(repository) as calls:
            await add_signature(calls, digest, added)

    @asynccontextmanager
    async def _calls(self, repository: str) -> AsyncIterator[RegistryCalls]:
        host = self.host_of(repository)
        base = URL(f"{'http' if self.insecure else 'https'}://{host}")
        http = GuardedHttp(
            self._policy, named=[base], request_timeout=self._call_timeout, proxies=not self.insecure
        )
        subject = f"{host}/{repository}" if repository else host
        credentials = await self.login_of(repository)
        try:
            async with http.session() as session:
                yield RegistryCalls(
                    session, subject=subject, base=base, repository=repository, credentials=credentials
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise RegistryUnavailable(f"the registry {host} cannot be reached: {error_text(err)}") from err


async def _removed(calls: RegistryCalls, digest: str) -> bool:
    """Remove a manifest; whether it was there."""
    try:
        await calls.fetch("DELETE", calls.manifest(digest))
    except ImageNotFound:
        return False
    return True
