"""Requests that are judged hop by hop, over connections that go where they were judged to go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from airunway.clients.guarded_http.addresses import is_address
from airunway.clients.guarded_http.policy import SETTING, OutboundPolicy, RequestRefused
from airunway.clients.guarded_http.proxies import proxy_for

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_HEADERS = {
    "User-Agent": "airunway",
    # A body is as large as it looks: nothing is unpacked on the way.
    "Accept-Encoding": "identity",
}

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name now, for a port. Raises OSError."""


async def system_lookup(host: str, port: int) -> list[str]:
    """What the machine's resolver says, of both families."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedHttp:
    """How requests are made; see the package.

    named: URLs of administrators, whose scheme, host and port may be inside.
    request_timeout: for one request with its answer; call_timeout: for all of a session; absent: no limit.
    proxies: whether those of the environment are used.
    """

    def __init__(
        self,
        policy: OutboundPolicy | None = None,
        *,
        named: Collection[str | URL] = (),
        request_timeout: timedelta = timedelta(seconds=30),
        call_timeout: timedelta | None = None,
        proxies: bool = True,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.policy = policy or OutboundPolicy()
        self.lookup = lookup
        self._named = frozenset(URL(url).origin() for url in named)
        self._request_seconds = request_timeout.total_seconds()
        self._call_seconds = call_timeout.total_seconds() if call_timeout else None
        self._proxies = proxies

    def is_named(self, url: URL) -> bool:
        """Whether an administrator named a URL's origin."""
        return url.origin() in self._named

    def may_be_plain(self, url: URL) -> bool:
        """Whether a URL with http may be asked: an administrator named it so."""
        return self.is_named(url) or self.policy.allows_scheme(url)

    def proxy_for(self, url: URL) -> URL | None:
        """The proxy to ask a URL by; None: directly."""
        return proxy_for(url) if self._proxies else None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[GuardedSession]:
        """Connections for some requests. Raises TimeoutError when they take too long together."""
        pins = _Pins(self.lookup)
        timeout = aiohttp.ClientTimeout(total=self._request_seconds)
        async with (
            asyncio.timeout(self._call_seconds),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=pins),
                timeout=timeout,
                trust_env=False,  # proxies are chosen here; logins of a .netrc are nobody's
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
        ):
            yield GuardedSession(self, session, pins)


class GuardedSession:
    """Some requests over the same connections."""

    def __init__(self, http: GuardedHttp, session: aiohttp.ClientSession, pins: _Pins) -> None:
        self._http = http
        self._session = session
        self._pins = pins

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str | URL,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
        body: bytes | None = None,
        follow: bool = True,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer after redirects; its body is still to be read, with a limit (`clients.http`).

        authorization: the header's value; sent to the origin of `url` only. follow: go where a redirect
            leads.

        Raises RequestRefused, aiohttp.ClientError, OSError, TimeoutError.
        """
        here = _parsed(url)
        home = here.origin()
        for _ in range(MAX_REDIRECTS + 1):
            proxy = await self._judged(here)
            sent = {**_HEADERS, **(headers or {})}
            if authorization and here.origin() == home:
                sent["Authorization"] = authorization
            async with self._session.request(
                method, here, headers=sent, data=body, allow_redirects=False, proxy=proxy
            ) as response:
                location = response.headers.get("Location", "")
                if not follow or response.status not in _REDIRECTS or not location:
                    yield response
                    return
            here = _next(here, location)
            if method not in _SAFE and here.origin() != home:
                raise RequestRefused(f"{home.host} sends on what is written to it, to {here.host}")
        raise aiohttp.ClientError(f"{here.host} redirects without end")

    async def _judged(self, url: URL) -> URL | None:
        """The proxy to go by, if any, once the hop may be made. Raises RequestRefused, OSError."""
        policy, host, port = self._http.policy, url.raw_host or "", url.port or 0
        is_named = self._http.is_named(url)
        if not is_named:
            _refuse_form(url, policy)
        proxy = self._http.proxy_for(url)
        if proxy is not None:
            self._pins.by_proxy(proxy)
        if is_named and proxy is not None:
            return proxy
        trusted = is_named or policy.lets_in(url)
        if proxy is not None and trusted:
            return proxy
        found = await self._addresses(host, port, behind_proxy=proxy is not None)
        usable = found if trusted else [address for address in found if policy.admits(address)]
        # A proxy looks the name up itself and may take any address, so none of them may be inside.
        if not usable or (proxy is not None and len(usable) < len(found)):
            raise RequestRefused(
                f"{host} has the address {', '.join(found[:3])}, which is inside the network; "
                f"if it is meant to be asked, list it in {SETTING}"
            )
        self._pins.pin(host, port, usable)
        return proxy

    async def _addresses(self, host: str, port: int, *, behind_proxy: bool) -> list[str]:
        if is_address(host):
            return [host]
        try:
            async with asyncio.timeout(10):
                return await self._http.lookup(host, port)
        except (OSError, UnicodeError) as err:
            if behind_proxy:
                raise RequestRefused(
                    f"{host} has no address here, so it cannot be told whether it is inside the network; "
                    f"if the proxy may ask it, list it in {SETTING}"
                ) from err
            raise OSError(f"{host} has no address: {err}") from err


def _refuse_form(url: URL, policy: OutboundPolicy) -> None:
    """Raise RequestRefused for what its text alone rules out."""
    host = url.raw_host or ""
    if not host or not url.port or not policy.allows_scheme(url):
        raise RequestRefused(f"{url.scheme}://{host} is not asked: only https is")
    if url.user is not None or url.password is not None:
        raise RequestRefused(f"{host} is not asked with a login in the URL")
    if is_address(host) or policy.lets_in(url):
        return
    if ":" in host or host.replace(".", "").isdigit():
        # Sockets read `2130706433` and `127.1` as addresses, and so do connections that never ask DNS.
        raise RequestRefused(f"{host} is neither a name nor an address in its usual form")
    if policy.is_inner_name(host):
        raise RequestRefused(f"{host} is a name inside the network; list it in {SETTING} if it may be asked")


def _parsed(url: str | URL) -> URL:
    try:
        parsed = URL(url)
        parsed.origin()
    except ValueError as err:
        raise RequestRefused("what was to be asked is no web address") from err
    return parsed


def _next(here: URL, location: str) -> URL:
    try:
        return _parsed(here.join(URL(location)))
    except (ValueError, RequestRefused) as err:
        raise RequestRefused(f"{here.host} redirects to what is no web address") from err


class _Pins(AbstractResolver):
    """The addresses that names were judged by: connections go to these and no others."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._pinned: dict[tuple[str, int], list[str]] = {}
        self._proxies: set[tuple[str, int]] = set()

    def pin(self, host: str, port: int, addresses: list[str]) -> None:
        """Let a name have these addresses."""
        self._pinned[host, port] = addresses

    def by_proxy(self, proxy: URL) -> None:
        """Let a proxy be looked up: it is an administrator's, and usually inside."""
        self._proxies.add((proxy.raw_host or "", proxy.port or 0))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises OSError for a name that was not judged."""
        addresses = self._pinned.get((host, port))
        if addresses is None and (host, port) in self._proxies:
            addresses = await self._lookup(host, port)
        if addresses is None:
            raise OSError(f"{host} was not looked up")
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """There is nothing to release."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )
