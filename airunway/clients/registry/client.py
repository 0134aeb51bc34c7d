"""Ask the registry that an image reference names: which digest a tag stands for, and when it was made.

The registry API v2 with anonymous access. A user's reference decides which host is asked, so this adapter
asks only hosts that are allowed, never follows anybody to an address inside the cluster, and speaks plain
HTTP to the loopback only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from airunway.clients.errors import error_text
from airunway.clients.guarded_http import GuardedHttp, OutboundPolicy, is_loopback
from airunway.clients.registry import documents
from airunway.clients.registry.errors import (
    ImageNotFound,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
)
from airunway.clients.registry.http import RegistryCalls, read_document
from airunway.clients.registry.references import (
    DOCKER_HUB,
    RegistryReference,
    is_digest,
    parse_reference,
    parse_tagged_reference,
    repository_of,
)
from airunway.clients.registry.signatures import StoredSignature, read_signatures

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

_API_HOSTS = {DOCKER_HUB: "registry-1.docker.io"}
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class ResolvedReference:
    """The digest of a reference, and what the image's config says.

    RFC 3339 time in UTC, and revision; empty if unknown.
    """

    digest: str
    created_at: str = ""
    revision: str = ""


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """An image to build on: its reference with the digest of one platform's image, and its config."""

    reference: str
    config: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Target:
    """Where a reference is looked up."""

    reference: str
    image: RegistryReference
    base: URL
    named_by_administrator: bool
    """Then its name may have a private address."""


class RegistryClient:
    """The registries of the world, as far as they may be asked.

    `mirrors`: registry host to the base URL that is asked instead, e.g. `docker.io` to
    `https://mirror.example.com`. `allowed_hosts`: hosts that may be asked without a mirror;
    `*.example.com` allows subdomains, `*` every host, both with public addresses only, or those that
    `policy` lets in.
    """

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str] | None = None,
        allowed_hosts: Sequence[str] = PUBLIC_REGISTRIES,
        policy: OutboundPolicy | None = None,
        request_timeout: timedelta = timedelta(seconds=5),
        call_timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        self._mirrors = {host: _mirror(host, base) for host, base in (mirrors or {}).items()}
        self._allowed = tuple(allowed_hosts)
        self._policy = policy or OutboundPolicy()
        self._request_timeout = request_timeout
        self._call_timeout = call_timeout

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest that a tagged reference stands for now: that of the index of a multi-platform image.

        Raises RegistryUnavailable, ImageNotFound or RegistryDenied. An image whose config cannot be read
        is answered without time and revision.
        """
        target = self._target(reference)
        return await self._ask(target, lambda calls: _resolved(calls, target.image.tag))

    async def base_image(self, reference: str, *, architecture: str) -> BaseImage:
        """The image of one platform that a reference, with tag or digest, stands for now.

        Raises RegistryUnavailable, ImageNotFound or RegistryDenied.
        """
        target = self._target(reference, digest=True)

        async def ask(calls: RegistryCalls) -> BaseImage:
            try:
                digest, config = await _image_config(calls, target.image.tag, architecture=architecture)
            except (ValueError, AttributeError, TypeError) as err:
                raise ImageNotFound(f"{reference}: no usable image for linux/{architecture}") from err
            return BaseImage(reference=f"{repository_of(reference)}@{digest}", config=config)

        return await self._ask(target, ask)

    async def signatures(self, reference: str, digest: str) -> list[StoredSignature]:
        """What is kept as signatures of an image, unchecked. Raises RegistryUnavailable or RegistryDenied."""
        target = self._target(reference, digest=True)
        return await self._ask(target, lambda calls: read_signatures(calls, digest))

    async def _ask(self, target: _Target, question: Callable[[RegistryCalls], Awaitable[_T]]) -> _T:
        http = GuardedHttp(
            self._policy,
            named=[target.base] if target.named_by_administrator else [],
            request_timeout=self._request_timeout,
            call_timeout=self._call_timeout,
        )
        try:
            async with http.session() as session:
                calls = RegistryCalls(
                    session,
                    subject=target.reference,
                    base=target.base,
                    repository=target.image.repository,
                )
                return await question(calls)
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise RegistryUnavailable(
                f"{target.reference}: {target.base.host} cannot be asked: {error_text(err)}"
            ) from err

    def _target(self, reference: str, *, digest: bool = False) -> _Target:
        try:
            image = parse_reference(reference) if digest else parse_tagged_reference(reference)
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
        return "*" in self._allowed or name.endswith(tuple(domains))


def _api_of(host: str) -> URL:
    scheme = "http" if is_loopback(URL(f"//{host}").host or "") else "https"
    return URL(f"{scheme}://{_API_HOSTS.get(host, host)}")


def _mirror(host: str, base: str) -> URL:
    url = URL(base)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"the mirror of {host} must be a http or https URL")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError(f"the mirror of {host} must be https: it is not on the loopback")
    return url


async def _resolved(calls: RegistryCalls, tag: str) -> ResolvedReference:
    tagged = calls.manifest(tag)
    response, _ = await calls.fetch("HEAD", tagged)
    digest = response.headers.get("Docker-Content-Digest", "")
    if not is_digest(digest):
        _, body = await calls.fetch("GET", tagged)
        digest = documents.digest_of(body)
    try:
        _, config = await _image_config(calls, digest, architecture="amd64")
    except (RegistryError, aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError, TypeError):
        config = {}  # whatever it is worth, the digest is known
    return ResolvedReference(
        digest=digest, created_at=documents.created_at(config), revision=documents.revision(config)
    )


async def _image_config(
    calls: RegistryCalls, version: str, *, architecture: str
) -> tuple[str, Mapping[str, Any]]:
    """Digest and config of the image for a platform. Raises ValueError when there is none."""
    _, body = await calls.fetch("GET", calls.manifest(version))
    manifest = await read_document(body)
    digest = documents.digest_of(body)
    if documents.is_index(manifest):
        digest = _checked(documents.platform_digest(manifest, architecture))
        manifest = await calls.json(calls.manifest(digest))
    return digest, await calls.json(calls.blob(_checked((manifest.get("config") or {}).get("digest"))))


def _checked(digest: object) -> str:
    if not is_digest(str(digest)):
        raise ValueError(f"{digest!r} is no digest")
    return str(digest)
