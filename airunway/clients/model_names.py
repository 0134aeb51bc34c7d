"""What a model server calls its model: the first id of `/v1/models`.

Whoever may write Services of a namespace decides what answers there. So only a Service of the deployment's
own namespace is asked, by a path that is fixed, without credentials, redirects or proxy, for a bounded time
and number of bytes; and only an id comes back.
"""

from __future__ import annotations

import re
from typing import Any

import aiohttp

from airunway.clients.bounded_json import BadDocument, read_json_off_loop
from airunway.clients.http import TooLarge, read_at_most

SECONDS = 2.0
MAX_BYTES = 1 << 20
MAX_ID = 4096
SERVICE_URL = "http://{service}.{namespace}.svc:{port}"
"""Where a Service answers in a cluster."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


async def served_model_name(
    service: str, namespace: str, port: int, *, service_url: str = SERVICE_URL
) -> str:
    """The id; empty where the server does not say any in time. `service_url`: where Services answer."""
    if not (_LABEL.fullmatch(service) and _LABEL.fullmatch(namespace) and 0 < port <= 65535):
        return ""
    return await model_name_at(service_url.format(service=service, namespace=namespace, port=port))


async def model_name_at(origin: str) -> str:
    """The same of a server by its origin."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "airunway"}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=False, headers=headers, auto_decompress=False
            ) as session,
            session.get(f"{origin}/v1/models", allow_redirects=False) as response,
        ):
            if response.status != 200:
                return ""
            return _first_id(await read_json_off_loop(await read_at_most(response, MAX_BYTES)))
    except (aiohttp.ClientError, TimeoutError, OSError, TooLarge, BadDocument):
        return ""


def _first_id(answer: Any) -> str:
    entries = answer.get("data") if isinstance(answer, dict) else None
    first = entries[0] if isinstance(entries, list) and entries else None
    found = first.get("id") if isinstance(first, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_ID else ""
