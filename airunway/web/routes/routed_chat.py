"""Chat through a Gateway, for a deployment whose Service is not there (web-api.md §6.6).

Apart because it leaves the API server's proxy, and with it what decides who may: it is tried only after that
proxy has let the caller through, and goes only to an address that a Gateway of this cluster has. What a
status says is written by whoever may write statuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.clients.kubernetes import Cluster, Object
from airunway.gateway.kinds import GATEWAY

MODEL_HEADER = "X-Gateway-Model-Name"


class RoutedAnswer:
    """An answer of a Gateway, and the connection that ends with it."""

    def __init__(self, session: aiohttp.ClientSession, answer: aiohttp.ClientResponse) -> None:
        self._session, self.answer = session, answer

    async def close(self) -> None:
        """End both."""
        self.answer.close()
        await self._session.close()


def is_without_service(status: int, data: bytes) -> bool:
    """Whether the API server itself says that there is no such Service; a model server says it otherwise."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return False
    details = told.get("details") if isinstance(told, Mapping) and told.get("kind") == "Status" else None
    return status == 404 and isinstance(details, Mapping) and details.get("kind") == "services"


async def routed_url(cluster: Cluster, deployment: Object) -> str:
    """Where a deployment's Gateway takes chat; empty without one. Raises ApiError."""
    told = (deployment.get("status") or {}).get("gateway") or {}
    endpoint = str(told.get("endpoint") or "")
    if not endpoint:
        return ""
    base = endpoint if "://" in endpoint else f"http://{endpoint}"
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    served = await ServedGatewayKinds(cluster).now()
    if parts.scheme not in ("http", "https") or not served.complete:
        return ""
    gateways = (await cluster.listing(served[GATEWAY])).items
    addresses = {
        str(address.get("value") or "").lower()
        for gateway in gateways
        for address in (gateway.get("status") or {}).get("addresses") or ()
        if isinstance(address, Mapping)
    }
    known = {urlsplit(f"//{address}").hostname for address in addresses if address}
    return f"{parts.scheme}://{parts.netloc}/v1/chat/completions" if host and host in known else ""


async def ask_gateway(
    url: str, body: Mapping[str, Any], *, model: str, limits: aiohttp.ClientTimeout
) -> RoutedAnswer:
    """Ask, without anybody's token, and follow no redirect. Raises aiohttp.ClientError, TimeoutError."""
    session = aiohttp.ClientSession(timeout=limits, trust_env=False)
    try:
        answer = await session.post(
            url, json=dict(body), headers={MODEL_HEADER: model}, allow_redirects=False
        )
    except BaseException:
        await session.close()
        raise
    return RoutedAnswer(session, answer)
