"""The Hugging Face hub: what is in a repository at a commit, and whether its files may be read.

    HubError (ClientError)
    ├── HubUnavailable      no answer, 429 (`retry_after`) or 5xx: try again later
    ├── RepositoryMissing   no such repository, or it is private and the token does not show it    final
    ├── RevisionMissing     no such branch, tag or commit                                          final
    ├── FileMissing         no such file at that commit                                            final
    ├── AccessDenied        gated, or a token that is wrong or lacks a right                       final
    └── HubAnswerUnusable   an answer that is not the hub's, or a way to inside                    final

Messages name the repository and never hold the token.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote

import aiohttp

from airunway.clients.bounded_json import read_json_off_loop
from airunway.clients.errors import ClientError, error_text
from airunway.clients.guarded_http import GuardedHttp, GuardedSession, OutboundPolicy, RequestRefused
from airunway.clients.http import TooLarge, read_at_most, retry_after_of

_MAX_BYTES = 32 * 1024 * 1024  # of an answer; large repositories have thousands of files
_MAX_ELEMENTS = 2_000_000  # of an answer; a file takes up to fourteen
_MAX_TEXT = 300  # characters of a license
_SMALL_FILE = 64 * 1024 * 1024
_UNRESERVED = "!~*'()"
_HEX = frozenset("0123456789abcdef")


class HubError(ClientError):
    """The hub did not give what was asked for."""


class HubUnavailable(HubError):
    """The hub cannot be reached, is overloaded, or failed."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RepositoryMissing(HubError):
    """There is no such repository, as far as the token shows."""

    retryable = False


class RevisionMissing(HubError):
    """The repository has no such branch, tag or commit."""

    retryable = False


class FileMissing(HubError):
    """The commit has no such file."""

    retryable = False


class AccessDenied(HubError):
    """The token may not read it, or there is none where one is needed."""

    retryable = False


class HubAnswerUnusable(HubError):
    """What answered does not speak the hub's API."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a repository. `sha256`: hex; empty for one that is kept in git itself."""

    path: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class HubRepository:
    """A repository at a commit."""

    name: str
    commit: str
    files: tuple[HubFile, ...]
    license: str = ""
    gated: bool = False

    def file(self, path: str) -> HubFile:
        """The file of that path. Raises FileMissing."""
        found = self._by_path.get(path)
        if found is None:
            raise FileMissing(f"{self.name}@{self.commit[:12]} has no file {path}")
        return found

    @cached_property
    def _by_path(self) -> Mapping[str, HubFile]:
        return {file.path: file for file in self.files}


class HuggingFace:
    """The hub at one address: the public one, or a mirror."""

    def __init__(
        self,
        endpoint: str,
        *,
        call_timeout: timedelta = timedelta(seconds=20),
        policy: OutboundPolicy | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.http = GuardedHttp(
            policy, named=[self.endpoint], request_timeout=call_timeout, call_timeout=2 * call_timeout
        )

    async def repository(self, name: str, *, revision: str, token: str = "") -> HubRepository:
        """What a branch, tag or commit of a repository holds now. Raises HubError."""
        url = f"{self.endpoint}/api/models/{_encoded(name)}/revision/{quote(revision, safe=_UNRESERVED)}"
        async with (
            self._session(name) as session,
            session.request("GET", f"{url}?blobs=true", authorization=_bearer(token)) as response,
        ):
            self._refuse(response, name, revision, token)
            try:
                body = await read_at_most(response, _MAX_BYTES)
            except TooLarge as err:
                raise HubAnswerUnusable(str(err)) from err
        try:
            answer = await read_json_off_loop(body, max_elements=_MAX_ELEMENTS)
            return await asyncio.to_thread(_repository_from, name, answer)
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise HubAnswerUnusable(
                f"{self.endpoint} does not answer about {name} as Hugging Face does; is it a mirror of it?"
            ) from err

    async def history(self, name: str, *, revision: str, token: str = "") -> Sequence[str]:
        """The latest commits of a branch or tag, newest first: one page. Raises HubError."""
        url = f"{self.endpoint}/api/models/{_encoded(name)}/commits/{quote(revision, safe=_UNRESERVED)}"
        async with (
            self._session(name) as session,
            session.request("GET", url, authorization=_bearer(token)) as response,
        ):
            self._refuse(response, name, revision, token)
            try:
                body = await read_at_most(response, _MAX_BYTES)
                listed = await read_json_off_loop(body, max_elements=_MAX_ELEMENTS)
                return [str(entry["id"]) for entry in listed]
            except (TooLarge, ValueError, KeyError, TypeError) as err:
                raise HubAnswerUnusable(f"{self.endpoint} does not list the commits of {name}") from err

    async def check_access(self, repository: HubRepository, path: str, *, token: str = "") -> None:
        """See whether a file may be downloaded. Raises HubError.

        A gated repository lists its files for everybody, so only asking for one tells.
        """
        url = self.url(repository, path)
        async with (
            self._session(repository.name) as session,
            session.request("HEAD", url, authorization=_bearer(token), follow=False) as response,
        ):
            self._refuse(response, repository.name, repository.commit, token, file=path)

    async def digest_of(self, repository: HubRepository, path: str, *, token: str = "") -> str:
        """The SHA-256 of a small file, by downloading it. Raises HubError."""
        digest, size = hashlib.sha256(), 0
        async with (
            self._session(repository.name) as session,
            session.request("GET", self.url(repository, path), authorization=_bearer(token)) as response,
        ):
            self._refuse(response, repository.name, repository.commit, token, file=path)
            async for part in response.content.iter_chunked(1024 * 1024):
                digest.update(part)
                size += len(part)
                if size > _SMALL_FILE:
                    raise HubAnswerUnusable(
                        f"{repository.name}: {path} is large, and the hub does not tell its SHA-256"
                    )
        return digest.hexdigest()

    def url(self, repository: HubRepository, path: str) -> str:
        """Where a file of this commit is downloaded."""
        return f"{self.endpoint}/{_encoded(repository.name)}/resolve/{repository.commit}/{_encoded(path)}"

    @asynccontextmanager
    async def _session(self, name: str) -> AsyncIterator[GuardedSession]:
        try:
            async with self.http.session() as session:
                yield session
        except RequestRefused as err:
            raise HubAnswerUnusable(f"{name}: {self.endpoint}: {err}") from err
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise HubUnavailable(f"{name}: {self.endpoint} cannot be reached: {error_text(err)}") from err

    def _refuse(
        self, response: aiohttp.ClientResponse, name: str, revision: str, token: str, *, file: str = ""
    ) -> None:
        status, code = response.status, response.headers.get("X-Error-Code", "")
        if status < 400:
            return
        if status == 429 or status >= 500:
            raise HubUnavailable(
                f"{name}: {self.endpoint} answers HTTP {status}", retry_after=retry_after_of(response.headers)
            )
        if code == "RevisionNotFound":
            raise RevisionMissing(f"{name} has no branch, tag or commit {revision}")
        if code == "EntryNotFound" or (status == 404 and file and code != "RepoNotFound"):
            raise FileMissing(f"{name}@{revision[:12]} has no file {file}")
        if code == "GatedRepo":
            raise AccessDenied(
                f"{name} is gated: accept its licence at {self.endpoint}/{name} with the account of the token"
                + ("" if token else ", and name a Secret with that token in spec.secrets.huggingFaceToken")
            )
        if code == "RepoNotFound" or status == 404:
            raise RepositoryMissing(
                f"{name}: there is no such repository, or it is private and {_who(token)}"
            )
        if status in (401, 403):
            raise AccessDenied(f"{name}: the hub denies access (HTTP {status}); {_who(token)}")
        raise HubAnswerUnusable(f"{name}: {self.endpoint} answers HTTP {status}")


def _bearer(token: str) -> str:
    return f"Bearer {token}" if token else ""


def _who(token: str) -> str:
    if token:
        return "the token in spec.secrets.huggingFaceToken may not read it"
    return "no token is given (spec.secrets.huggingFaceToken)"


def _repository_from(name: str, answer: Mapping[str, Any]) -> HubRepository:
    commit = str(answer["sha"])
    if len(commit) != 40 or not set(commit) <= _HEX:
        raise ValueError("no commit")
    return HubRepository(
        name=name,
        commit=commit,
        files=tuple(_file_from(entry) for entry in answer["siblings"]),
        license=_license_in(answer)[:_MAX_TEXT],
        gated=bool(answer.get("gated")),
    )


def _file_from(entry: Mapping[str, Any]) -> HubFile:
    lfs = entry.get("lfs") or {}
    sha256 = str(lfs.get("sha256") or "").lower()
    if sha256 and (len(sha256) != 64 or not set(sha256) <= _HEX):
        raise ValueError("no SHA-256")
    size = int(lfs.get("size") or entry.get("size") or 0)
    if size < 0:
        raise ValueError("no size")
    return HubFile(path=str(entry["rfilename"]), size=size, sha256=sha256)


def _license_in(answer: Mapping[str, Any]) -> str:
    card = answer.get("cardData")
    named = card.get("license") if isinstance(card, Mapping) else None
    if isinstance(named, list):
        named = named[0] if named else None
    if named:
        return str(named)
    tags = [str(tag) for tag in answer.get("tags") or ()]
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")


def _encoded(path: str) -> str:
    return "/".join(quote(segment, safe=_UNRESERVED) for segment in path.split("/"))
