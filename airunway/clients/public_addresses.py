"""Keep requests to hosts that a user chose away from addresses inside the cluster."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_INNER_DOMAINS = (".local", ".internal", ".svc", ".localhost")


def is_address(host: str) -> bool:
    """Whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    return ipaddress.ip_address(host).is_loopback if is_address(host) else host == "localhost"


def may_be_public(host: str) -> bool:
    """Whether a host is public as far as its text tells: a public address, or a name with a domain."""
    if is_address(host):
        return ipaddress.ip_address(host).is_global
    return "." in host and not host.rstrip(".").endswith(_INNER_DOMAINS)


class PublicResolver(AbstractResolver):
    """Names resolve to public addresses only, whatever their owner's DNS says; `trusted` names to any."""

    def __init__(self, *, trusted: frozenset[str]) -> None:
        self._trusted = trusted
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a host. Raises OSError when none of them may be used."""
        found = await self._inner.resolve(host, port, family)
        if host in self._trusted:
            return found
        public = [entry for entry in found if may_be_public(entry["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Release what the inner resolver holds."""
        await self._inner.close()
