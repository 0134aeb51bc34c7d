"""Calls to one image registry: tokens, and errors by meaning.

Apart from `client`, which decides whom to ask and what for, and from `storage`, which writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from airunway.clients.bounded_json import read_json_off_loop
from airunway.clients.guarded_http import GuardedSession, RequestRefused
from airunway.clients.guarded_http.addresses import is_address
from airunway.clients.http import TooLarge, read_at_most, retry_after_of
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.documents import INDEX_TYPES, MANIFEST_TYPES
from airunway.clients.registry.errors import ImageNotFound, RegistryDenied, RegistryFull, RegistryUnavailable

_ACCEPT = {"Accept": ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))}
_CHALLENGE = re.compile(r'\b(\w+)="([^"]*)"')  # `\b`: a header that is one long word is gone through once
MAX_BYTES = 4 * 1024 * 1024
"""Of an answer: a manifest, a config and a token are small."""
_MAX_ELEMENTS = 100_000
"""Of a document; a manifest has five for a layer."""


class RegistryCalls:
    """Requests about one repository of one registry, with the login or token that it asked for.

    `subject`: what messages call it. `base`: URL of the registry, without `/v2`.
    """

    def __init__(
        self,
        session: GuardedSession,
        *,
        subject: str,
        base: URL,
        repository: str,
        credentials: RegistryCredentials | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._session = session
        self._subject, self._base, self._repository = subject, base, repository
        self._credentials = credentials
        self._max_bytes = max_bytes
        self._authorization = ""

    def manifest(self, version: str) -> URL:
        """Address of a manifest, by tag or digest."""
        return self._base / "v2" / self._repository / "manifests" / version

    def blob(self, digest: str) -> URL:
        """Address of a config or layer."""
        return self._base / "v2" / self._repository / "blobs" / digest

    def referrers(self, digest: str) -> URL:
        """Address of the list of what refers to a manifest (OCI 1.1)."""
        return self._base / "v2" / self._repository / "referrers" / digest

    def uploads(self) -> URL:
        """Address where an upload of a blob begins."""
        return self._base / "v2" / self._repository / "blobs" / "uploads" / ""

    async def ping(self) -> None:
        """Ask whether there is a registry that lets us in."""
        await self.fetch("GET", self._base / "v2" / "")

    async def json(self, url: URL) -> Mapping[str, Any]:
        """A document. Raises ValueError when it is none."""
        _, body = await self.fetch("GET", url)
        parsed = await read_document(body)
        if not isinstance(parsed, Mapping):
            raise ValueError("not a JSON object")
        return parsed

    async def fetch(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | None = None,
        content_type: str = "",
        limit: int | None = None,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer, after one round for a login or token if the registry asks for one.

        `limit`: bytes that it may have.
        """
        headers = {**_ACCEPT, **({"Content-Type": content_type} if content_type else {})}
        response, answer = await self._follow(method, url, self._authorization, headers, body, limit)
        challenge = response.headers.get("WWW-Authenticate", "")
        if response.status == 401 and not self._authorization and challenge:
            self._authorization = await self._authorize(challenge)
            if self._authorization:
                response, answer = await self._follow(method, url, self._authorization, headers, body, limit)
        self._refuse_failure(response)
        return response, answer

    async def _follow(
        self,
        method: str,
        url: URL,
        authorization: str,
        headers: Mapping[str, str] = _ACCEPT,
        body: bytes | None = None,
        limit: int | None = None,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer after redirects."""
        try:
            async with self._session.request(
                method, url, headers=headers, authorization=authorization, body=body
            ) as response:
                return response, await read_at_most(response, limit or self._max_bytes)
        except TooLarge as err:
            raise RegistryUnavailable(f"{self._subject}: {err}") from err
        except RequestRefused as err:
            raise RegistryDenied(f"{self._subject}: {err}") from err

    async def _authorize(self, challenge: str) -> str:
        """The Authorization header for a challenge; empty when there is nothing to answer it with."""
        kind = challenge.partition(" ")[0].lower()
        if kind == "bearer":
            return f"Bearer {await self._new_token(dict(_CHALLENGE.findall(challenge)))}"
        return self._credentials.header if kind == "basic" and self._credentials else ""

    async def _new_token(self, challenge: Mapping[str, str]) -> str:
        realm = URL(challenge.get("realm", ""))
        if not self._is_token_host(realm):
            raise RegistryDenied(f"{self._subject}: the registry sends to {realm.host!r} for a token")
        query = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        query.setdefault("scope", f"repository:{self._repository}:pull")
        login = self._credentials.header if self._credentials else ""
        response, body = await self._follow("GET", realm.update_query(query), login)
        self._refuse_failure(response)
        try:
            answer = await read_document(body)
            return str(answer.get("token") or answer.get("access_token") or "")
        except (ValueError, AttributeError) as err:
            raise RegistryUnavailable(f"{self._subject}: {realm.host} gave no token") from err

    def _is_token_host(self, realm: URL) -> bool:
        """Whether a token may be fetched there: from the registry's own host, or from its domain."""
        host, own = realm.host or "", self._base.host or ""
        if host == own:
            return True
        is_name = "." in own and not is_address(own) and not is_address(host)
        return realm.scheme == "https" and is_name and host.split(".")[-2:] == own.split(".")[-2:]

    def _refuse_failure(self, response: aiohttp.ClientResponse) -> None:
        where = f"{self._subject}: {response.url.host}"
        if response.status < 300:
            return
        if response.status in (401, 403):
            who = "anonymous access" if self._credentials is None else "access with the login it was given"
            raise RegistryDenied(f"{where} denies {who} (HTTP {response.status})")
        if response.status == 507:
            raise RegistryFull(f"{where} has no room left (HTTP {response.status})")
        if response.status == 429 or response.status >= 500:
            raise RegistryUnavailable(
                f"{where} answers HTTP {response.status}", retry_after=retry_after_of(response.headers)
            )
        raise ImageNotFound(f"{where} has no such image (HTTP {response.status})")


async def read_document(body: bytes) -> Any:
    """A manifest, config or token. Raises ValueError when it is no JSON, or more than one of those has."""
    return await read_json_off_loop(body, max_elements=_MAX_ELEMENTS)
