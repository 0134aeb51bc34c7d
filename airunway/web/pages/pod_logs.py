"""The last lines that a container wrote, bounded, without the codes that steer a terminal."""

from __future__ import annotations

import json

import aiohttp

from airunway.clients.errors import api_error
from airunway.clients.kubernetes import PODS, Cluster
from airunway.clients.kubernetes.kinds import path_of
from airunway.web.derive.logs import without_colours

TAIL_LINES = 300
MAX_LOG_BYTES = 256 * 1024
TIMEOUT = aiohttp.ClientTimeout(total=15.0, sock_connect=5.0)


async def read_logs(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    """The text. `cluster`: as the caller. Raises ApiError."""
    query = {"container": container, "tailLines": str(TAIL_LINES), "limitBytes": str(MAX_LOG_BYTES)}
    path = path_of(PODS, namespace=namespace, name=pod, subresource="log")
    response = await cluster.open("GET", path, query=query, timeout=TIMEOUT)
    try:
        found = await response.content.read(MAX_LOG_BYTES)
        while len(found) < MAX_LOG_BYTES and (
            more := await response.content.read(MAX_LOG_BYTES - len(found))
        ):
            found += more
        if response.status >= 400:
            raise api_error(response.status, "", _message_in(bytes(found)))
    finally:
        response.close()
    return without_colours(found.decode(errors="replace"))


def _message_in(answer: bytes) -> str:
    """What a Status object says, or the text as it is."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:500]
