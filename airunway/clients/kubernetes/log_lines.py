"""The lines of a container's log, as they come. A line without an end is cut: it is anybody's text."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp

from airunway.clients.errors import Unreachable, error_text

MAX_LINE_BYTES = 256 * 1024
"""What is longer comes in pieces."""


async def lines_of(response: aiohttp.ClientResponse, what: str) -> AsyncGenerator[str, None]:
    """Each without its end; what is not UTF-8 is replaced. Raises Unreachable when the connection breaks."""
    rest = b""
    try:
        async for chunk in response.content.iter_any():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield _text(line)
            while len(rest) > MAX_LINE_BYTES:
                yield _text(rest[:MAX_LINE_BYTES])
                rest = rest[MAX_LINE_BYTES:]
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        raise Unreachable(f"GET {what}: {error_text(err)}") from err
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
