"""Ask an image registry which digest a tag stands for, and when the image was made.

The registry API v2 with anonymous access. A user's reference decides which host is asked, so this adapter
asks only hosts that are allowed, never follows anybody to an address inside the cluster, and speaks plain
HTTP to the loopback only.

    RegistryError (ClientError)
    ├── RegistryUnavailable   no answer, 429 or 5xx: try again later
    ├── ImageNotFound         no such repository or tag, or no valid reference    final
    └── RegistryDenied        wants credentials, or the host may not be asked     final
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from yarl import URL

from clients import image_documents as documents
from clients.errors import ClientError
from clients.public_addresses import PublicResolver, is_address, is_loopback, may_be_public

PUBLIC_REGISTRIES = (
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "nvcr.io",
    "public.ecr.aws",
    "quay.io",
    "registry.gitlab.com",
    "registry.k8s.io",
)
"""Hosts that are asked by default."""

_API_HOSTS = {documents.DOCKER_HUB: "registry-1.docker.io"}
_ACCEPT = {"Accept": ", ".join((*documents.INDEX_TYPES, *documents.MANIFEST_TYPES))}
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_BYTES = 4 * 1024 * 1024


class RegistryError(ClientError):
    """A registry did not name a digest. The message names the image."""


class RegistryUnavailable(RegistryError):
    """The registry cannot be reached, is overloaded, or failed."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ImageNotFound(RegistryError):
    """The registry has no such image, or the reference names none."""

    retryable = False


class RegistryDenied(RegistryError):
    """The registry wants credentials, or its host is not one that may be asked."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class ResolvedImage:
    """A digest, and what the image's config says: RFC 3339 time in UTC and revision, empty if unknown."""

    digest: str
    created_at: str = ""
    revision: str = ""


@dataclass(frozen=True, kw_only=True)
class _Target:
    """Where a reference is looked up."""

    reference: str
    image: documents.TaggedImage
    base: URL
    named_by_administrator: bool
    """Then its name may have a private address."""

    def manifest(self, version: str) -> URL:
        return self.base / "v2" / self.image.repository / "manifests" / version

    def blob(self, digest: str) -> URL:
        return self.base / "v2" / self.image.repository / "blobs" / digest


class ImageRegistries:
    """The registries of the world, as far as they may be asked.

    `mirrors`: registry host to the base URL that is asked instead, e.g. `docker.io` to
    `https://mirror.example.com`. `allowed_hosts`: hosts that may be asked without a mirror;
    `*.example.com` allows subdomains, `*` every host, both with public addresses only.
    """

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str] | None = None,
        allowed_hosts: Sequence[str] = PUBLIC_REGISTRIES,
        request_timeout: timedelta = timedelta(seconds=5),
        call_timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        self._mirrors = {host: _mirror(host, base) for host, base in (mirrors or {}).items()}
        self._allowed = tuple(allowed_hosts)
        self._request_seconds = request_timeout.total_seconds()
        self._call_seconds = call_timeout.total_seconds()

    async def resolve(self, reference: str) -> ResolvedImage:
        """The digest that a tagged reference stands for now: that of the index of a multi-platform image.

        Raises RegistryUnavailable, ImageNotFound or RegistryDenied. An image whose config cannot be read
        is answered without time and revision.
        """
        target = self._target(reference)
        trusted = frozenset({str(target.base.host)}) if target.named_by_administrator else frozenset()
        connector = aiohttp.TCPConnector(resolver=PublicResolver(trusted=trusted))
        timeout = aiohttp.ClientTimeout(total=self._request_seconds)
        try:
            async with (
                asyncio.timeout(self._call_seconds),
                aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as session,
            ):
                return await _Lookup(session, target).run()
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            cause = str(err) or type(err).__name__
            raise RegistryUnavailable(f"{reference}: {target.base.host} cannot be asked: {cause}") from err

    def _target(self, reference: str) -> _Target:
        try:
            image = documents.tagged_image(reference)
        except ValueError as err:
            raise ImageNotFound(str(err)) from err
        listed = image.host in self._allowed
        base = self._mirrors.get(image.host)
        if base is None and not listed and not self._matches_pattern(image.host):
            raise RegistryDenied(f"{reference}: {image.host} is not a registry that may be asked")
        return _Target(
            reference=reference,
            image=image,
            base=base or _api_of(image.host),
            named_by_administrator=base is not None or listed,
        )

    def _matches_pattern(self, host: str) -> bool:
        name = URL(f"//{host}").host or ""
        domains = [pattern[1:] for pattern in self._allowed if pattern.startswith("*.")]
        return may_be_public(name) and ("*" in self._allowed or name.endswith(tuple(domains)))


def _api_of(host: str) -> URL:
    scheme = "http" if is_loopback(URL(f"//{host}").host or "") else "https"
    return URL(f"{scheme}://{_API_HOSTS.get(host, host)}")


def _mirror(host: str, base: str) -> URL:
    url = URL(base)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"the mirror of {host} must be a http or https URL, not {base!r}")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError(f"the mirror of {host} must be https: {base!r} is not on the loopback")
    return url


class _Lookup:
    """One question to one registry, with the token it asked for."""

    def __init__(self, session: aiohttp.ClientSession, target: _Target) -> None:
        self._session = session
        self._target = target
        self._token = ""

    async def run(self) -> ResolvedImage:
        tagged = self._target.manifest(self._target.image.tag)
        response, _ = await self._fetch("HEAD", tagged)
        digest = response.headers.get("Docker-Content-Digest", "")
        if not documents.is_digest(digest):
            _, body = await self._fetch("GET", tagged)
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        try:
            config = await self._config(digest)
        except (RegistryError, aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError):
            config = {}  # whatever it is worth, the digest is known
        return ResolvedImage(
            digest=digest, created_at=documents.created_at(config), revision=documents.revision(config)
        )

    async def _config(self, digest: str) -> Mapping[str, Any]:
        manifest = await self._json(self._target.manifest(digest))
        if documents.is_index(manifest):
            manifest = await self._json(self._target.manifest(_checked(documents.amd64_digest(manifest))))
        return await self._json(self._target.blob(_checked((manifest.get("config") or {}).get("digest"))))

    async def _json(self, url: URL) -> Mapping[str, Any]:
        _, body = await self._fetch("GET", url)
        parsed = json.loads(body)
        if not isinstance(parsed, Mapping):
            raise ValueError("not a JSON object")
        return parsed

    async def _fetch(self, method: str, url: URL) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer, after one round for a token if the registry asks for one."""
        response, body = await self._follow(method, url)
        challenge = response.headers.get("WWW-Authenticate", "")
        if response.status == 401 and not self._token and challenge.lower().startswith("bearer "):
            self._token = await self._new_token(dict(_CHALLENGE.findall(challenge)))
            response, body = await self._follow(method, url)
        self._refuse_failure(response)
        return response, body

    async def _follow(self, method: str, url: URL) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer after redirects. The token stays with the registry that asked for it."""
        for _ in range(_MOST_REDIRECTS):
            self._refuse_address(url)
            headers = dict(_ACCEPT)
            if self._token and url.origin() == self._target.base.origin():
                headers["Authorization"] = f"Bearer {self._token}"
            async with self._session.request(method, url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or not location:
                    return response, await _limited(response)
                url = url.join(URL(location))
        raise RegistryUnavailable(f"{self._target.reference}: {url.host} redirects without end")

    async def _new_token(self, challenge: Mapping[str, str]) -> str:
        realm = URL(challenge.get("realm", ""))
        if not self._is_token_host(realm):
            raise RegistryDenied(
                f"{self._target.reference}: the registry sends to {realm.host!r} for a token"
            )
        query = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        query.setdefault("scope", f"repository:{self._target.image.repository}:pull")
        response, body = await self._follow("GET", realm.update_query(query))
        self._refuse_failure(response)
        try:
            answer = json.loads(body)
            return str(answer.get("token") or answer.get("access_token") or "")
        except (ValueError, AttributeError) as err:
            raise RegistryUnavailable(f"{self._target.reference}: {realm.host} gave no token") from err

    def _is_token_host(self, realm: URL) -> bool:
        """Whether a token may be fetched there: from the registry's own host, or from its domain."""
        host, own = realm.host or "", self._target.base.host or ""
        if host == own:
            return True
        is_name = "." in own and not is_address(own) and not is_address(host)
        return realm.scheme == "https" and is_name and host.split(".")[-2:] == own.split(".")[-2:]

    def _refuse_address(self, url: URL) -> None:
        base = self._target.base
        if url.host == base.host and url.scheme in ("https", base.scheme):
            return
        if url.scheme != "https" or not may_be_public(url.host or ""):
            raise RegistryDenied(f"{self._target.reference}: the registry sends to {url.scheme}://{url.host}")

    def _refuse_failure(self, response: aiohttp.ClientResponse) -> None:
        where = f"{self._target.reference}: {response.url.host}"
        if response.status < 300:
            return
        if response.status in (401, 403):
            raise RegistryDenied(f"{where} denies anonymous access (HTTP {response.status})")
        if response.status == 429 or response.status >= 500:
            wait = response.headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdecimal() else None
            raise RegistryUnavailable(f"{where} answers HTTP {response.status}", retry_after=seconds)
        raise ImageNotFound(f"{where} has no such image (HTTP {response.status})")


def _checked(digest: object) -> str:
    if not documents.is_digest(str(digest)):
        raise ValueError(f"{digest!r} is no digest")
    return str(digest)


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    """The body, which for a manifest, a config or a token is small."""
    body = b""
    async for part in response.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > _MOST_BYTES:
            raise RegistryUnavailable(f"{response.url.host} answers with more than {_MOST_BYTES} bytes")
    return body
