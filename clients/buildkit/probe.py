"""Find out what became of a download whose bytes were not the announced ones.

BuildKit (v0.34) does not look at the HTTP status of a download with a checksum: the page of a 404 or 503 is
kept and hashed like a file, and fails as "digest mismatch". So after such a failure two things are asked: how
large what it kept is, and what the server answers to the first byte of the file.
"""

from __future__ import annotations

import aiohttp

from clients.buildkit.errors import BuildError, DigestMismatch, SourceUnavailable
from clients.buildkit.failures import shortened, source_error, without
from clients.buildkit.model import HttpFile

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_SLACK_BYTES = 256 * 1024
"""By how much a kept file's size on disk may differ from its length: blocks and folders."""


async def mismatch_reason(
    file: HttpFile, *, authorization: bytes = b"", kept_bytes: int | None, said: str
) -> BuildError:
    """Why a file's digest was not the announced one. Raises nothing.

    Args:
        file: what was downloaded.
        authorization: the header's value; never sent on to another host.
        kept_bytes: what the daemon's disk holds of it; None if that is not known.
        said: the daemon's words.
    """
    said = shortened(without(said, [authorization]))
    status, retry_after = await _status_of(file, authorization)
    if status >= 400:
        message = f"downloading {file.path} failed: its server answers HTTP {status}"
        error = source_error(status, message, retry_after=retry_after)
        # Another status than the known ones is about our request: as good as a refusal to go on.
        return error
    is_page = kept_bytes is not None and abs(kept_bytes - file.size) > _SLACK_BYTES + file.size // 16
    if is_page or status == 0:
        return SourceUnavailable(f"downloading {file.path} failed: something else came than the file: {said}")
    return DigestMismatch(f"downloading {file.path}: the bytes are not those announced: {said}")


async def _status_of(file: HttpFile, authorization: bytes) -> tuple[int, float | None]:
    """HTTP status of asking for the first byte, and Retry-After in seconds; 0 without an answer."""
    headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
    if authorization:
        headers["Authorization"] = authorization.decode(errors="replace").strip()
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
            session.get(file.url, headers=headers) as answer,
        ):
            wait = answer.headers.get("Retry-After", "")
            return answer.status, float(wait) if wait.isdecimal() else None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return 0, None
