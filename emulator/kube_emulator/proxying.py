"""Passes HTTP requests on to what pods serve: `services/proxy` and `pods/proxy`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from . import reaching
from .errors import bad_request
from .reaching import PodAddress
from .store import Store

_PATH = re.compile(
    r"^/api/v1/namespaces/(?P<namespace>[^/]+)/(?P<plural>pods|services)/(?P<name>[^/]+)/proxy(?P<rest>/.*)?$"
)
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_KEPT_BACK = _HOP_BY_HOP | {"authorization", "host", "content-length"}
"""What does not go on: what is meant for this server, the caller's login above all."""


@dataclass(frozen=True, slots=True)
class ProxyTarget:
    """What a path asks to be connected to. `rest`: the path there; empty when not even `/` was said."""

    plural: str
    namespace: str
    name: str
    rest: str


def target_of(raw_path: str) -> ProxyTarget | None:
    """Reads a path, with its escapes; None when it is none of a proxy."""
    found = _PATH.match(raw_path)
    if found is None:
        return None
    return ProxyTarget(found["plural"], found["namespace"], found["name"], found["rest"] or "")


class Proxy:
    """Passes requests on. `where`: set by whoever pretends what runs in pods."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.where: PodAddress | None = None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections that are kept."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def pass_on(self, http: web.BaseRequest, target: ProxyTarget) -> web.StreamResponse:
        """The answer of what listens there, piece by piece as it comes. Raises StatusError."""
        if not target.rest:
            query = f"?{http.rel_url.raw_query_string}" if http.rel_url.raw_query_string else ""
            return web.Response(status=301, headers={"Location": f"{http.rel_url.raw_path}/{query}"})
        if "Upgrade" in http.headers:
            raise bad_request("the emulated cluster's proxy passes on plain HTTP only")
        pod, port = reaching.pod_and_port(self._store, target.plural, target.namespace, target.name)
        host, real_port = await reaching.address_of(self.where, pod, port)
        url = URL.build(
            scheme="http",
            host=host,
            port=real_port,
            path=target.rest,
            query_string=http.rel_url.raw_query_string,
            encoded=True,
        )
        try:
            return await self._exchange(http, url)
        except aiohttp.ClientError as error:
            raise reaching.unavailable(f"error trying to reach service: {error}") from error

    async def _exchange(self, http: web.BaseRequest, url: URL) -> web.StreamResponse:
        headers = [(key, value) for key, value in http.headers.items() if _goes_on(key)]
        headers += [("X-Forwarded-Uri", http.rel_url.raw_path), ("X-Forwarded-Host", http.host)]
        body = http.content if http.body_exists else None
        async with self._client().request(
            http.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            kept = [(key, value) for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP]
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            response.headers.extend(kept)
            await response.prepare(http)
            try:
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
            except aiohttp.ClientError:  # half an answer ends the connection, lest it be taken for whole
                if http.transport is not None:
                    http.transport.abort()
            except ConnectionError:
                pass  # the client went away
            return response

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


def _goes_on(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _KEPT_BACK and not lowered.startswith("impersonate-")
