"""What all our HTTP clients read off an answer the same way."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp


class TooLarge(Exception):
    """An answer has more bytes than anything of its kind should have."""


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; None without one, or with a date."""
    wait = headers.get("Retry-After", "")
    return float(wait) if wait.isdecimal() else None


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body. Raises TooLarge once it has more bytes than the limit; the rest is not read."""
    body = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > limit:
            raise TooLarge(f"{response.url.host} answers with more than {limit} bytes")
    return bytes(body)


async def read_beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or the beginning of one with more bytes than the limit: enough of an error's."""
    body = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > limit:
            break
    return bytes(body[:limit])
