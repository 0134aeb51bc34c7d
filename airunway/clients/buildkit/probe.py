"""Find out what became of a download whose bytes were not the announced ones.

BuildKit (v0.34) does not look at the HTTP status of a download with a checksum: the page of a 404 or 503 is
kept and hashed like a file, and fails as "digest mismatch". So after such a failure two things are asked: how
large what it kept is, and what the server answers to the first byte of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from airunway.clients.buildkit.errors import BuildError, DigestMismatch, SourceUnavailable
from airunway.clients.buildkit.failures import shortened, source_error, without
from airunway.clients.buildkit.model import HttpFile
from airunway.clients.guarded_http import GuardedHttp, RequestRefused
from airunway.clients.http import retry_after_of

_SLACK_BYTES = 256 * 1024
"""By how much a kept file's size on disk may differ from its length: blocks and folders."""


async def mismatch_reason(
    file: HttpFile, http: GuardedHttp, *, authorization: bytes = b"", kept_bytes: int | None, said: str
) -> BuildError:
    """Why a file's digest was not the announced one. Raises nothing.

    Args:
        file: what was downloaded.
        http: who asks its server; the address may be anybody's.
        authorization: the header's value; never sent on to another host.
        kept_bytes: what the daemon's disk holds of it; None if that is not known.
        said: the daemon's words.
    """
    said = shortened(without(said, [authorization]))
    answer = await _ask(file, http, authorization)
    if answer.status >= 400:
        message = f"downloading {file.path} failed: its server answers HTTP {answer.status}"
        return source_error(answer.status, message, retry_after=answer.retry_after)
    if answer.total_bytes not in (None, file.size):
        has = f"its server has {answer.total_bytes} bytes under that name, not {file.size}"
        return DigestMismatch(f"downloading {file.path}: {has}")
    is_page = kept_bytes is not None and abs(kept_bytes - file.size) > _SLACK_BYTES + file.size // 16
    if is_page or answer.status == 0:
        return SourceUnavailable(f"downloading {file.path} failed: something else came than the file: {said}")
    return DigestMismatch(f"downloading {file.path}: the bytes are not those announced: {said}")


@dataclass(frozen=True)
class _Answer:
    """`status` 0: there was none."""

    status: int = 0
    retry_after: float | None = None
    total_bytes: int | None = None


async def _ask(file: HttpFile, http: GuardedHttp, authorization: bytes) -> _Answer:
    """Ask for the first byte."""
    login = authorization.decode(errors="replace").strip()
    try:
        async with (
            http.session() as session,
            session.request("GET", file.url, headers={"Range": "bytes=0-0"}, authorization=login) as answer,
        ):
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            return _Answer(
                answer.status,
                retry_after=retry_after_of(answer.headers),
                total_bytes=int(total) if answer.status == 206 and total.isdecimal() else None,
            )
    except (RequestRefused, aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return _Answer()
