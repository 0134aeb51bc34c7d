"""The events of one watch, read off its answer line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp

from airunway.clients.errors import Unreachable, api_error, error_text
from airunway.clients.kubernetes.kinds import Object
from airunway.clients.kubernetes.transport import error_from


@dataclass(frozen=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Object


async def events_in(response: aiohttp.ClientResponse, path: str) -> AsyncGenerator[WatchEvent, None]:
    """The events of a watch until the server ends it.

    Raises the ApiError that the answer or an ERROR event stands for, Unreachable when the connection breaks.
    """
    try:
        if response.status >= 400:
            raise error_from(response, await response.read(), "GET", path)
        # readuntil has a limit per line that a large object exceeds; collecting lines has none.
        buffer = bytearray()
        async for chunk in response.content.iter_any():
            buffer += chunk
            if b"\n" not in chunk:
                continue
            *lines, rest = buffer.split(b"\n")
            buffer = bytearray(rest)
            for line in lines:
                if line:
                    yield _event_from(json.loads(line), path)
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
