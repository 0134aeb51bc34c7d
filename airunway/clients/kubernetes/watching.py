"""The events of one watch, read off its answer line by line."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp

from airunway.clients.errors import ServerError, Unreachable, api_error, error_text
from airunway.clients.kubernetes.kinds import Object
from airunway.clients.kubernetes.transport import object_from

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Of an event; an object has at most three million."""


@dataclass(frozen=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Object


async def events_in(response: aiohttp.ClientResponse, path: str) -> AsyncGenerator[WatchEvent, None]:
    """The events of a watch until the server ends it.

    Raises the ApiError that an ERROR event stands for, Unreachable when the connection breaks.
    """
    try:
        # readuntil has a limit per line that a large object exceeds; collecting lines has none.
        buffer = bytearray()
        async for chunk in response.content.iter_any():
            buffer += chunk
            if b"\n" not in chunk:
                if len(buffer) > MAX_LINE_BYTES:
                    raise ServerError(f"watch of {path}: an event has more than {MAX_LINE_BYTES} bytes")
                continue
            *lines, rest = buffer.split(b"\n")
            buffer = bytearray(rest)
            for line in lines:
                if line:
                    yield _event_from(await object_from(bytes(line), f"watch of {path}"), path)
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        raise Unreachable(f"watch of {path} broke off: {error_text(err)}") from err


def _event_from(line: Object, path: str) -> WatchEvent:
    if line["type"] == "ERROR":
        status = line["object"]
        raise api_error(
            int(status.get("code") or 500),
            status.get("reason", ""),
            f"watch of {path}: {status.get('message', '')}",
        )
    return WatchEvent(line["type"], line["object"])
