"""Whom requests may go to: what is inside by its name or address, and what an administrator lets in. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from yarl import URL

from airunway.clients.errors import ClientError
from airunway.clients.guarded_http.addresses import is_address, is_public

CLUSTER_DOMAIN = "cluster.local"
SETTING = "AIRUNWAY_INSIDE_HOSTS"
_INNER_DOMAINS = (
    "local",
    "localhost",
    "localdomain",
    "internal",  # also of clouds: metadata.google.internal
    "intranet",
    "lan",
    "home.arpa",
    "svc",
    "pod",
)
"""Never public, whatever DNS says."""


class RequestRefused(ClientError):
    """A request that is not sent, because of where it would go."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class OutboundPolicy:
    """The rule for one process.

    inside_hosts: `host`, `host:port`, `*.domain` or a CIDR that may be asked although it is inside;
        `http://host:port` also without TLS.
    cluster_domains: domains of Services and pods beside `cluster.local`.
    """

    inside_hosts: Sequence[str] = ()
    cluster_domains: Sequence[str] = (CLUSTER_DOMAIN,)

    def lets_in(self, url: URL) -> bool:
        """Whether an administrator listed a URL's host by its name."""
        return any(_fits(entry, url) for entry in self.inside_hosts if not _network(entry))

    def allows_scheme(self, url: URL) -> bool:
        """https, or http where an administrator says so in so many words."""
        plain = [entry for entry in self.inside_hosts if entry.startswith("http://")]
        return url.scheme == "https" or (url.scheme == "http" and any(_fits(entry, url) for entry in plain))

    def is_inner_name(self, host: str) -> bool:
        """Whether a name belongs to the cluster, the machine or its network, as far as its text tells."""
        name = host.rstrip(".").lower()
        if "." not in name:
            return True
        domains = (*_INNER_DOMAINS, *(domain.strip(".").lower() for domain in self.cluster_domains))
        return any(name == domain or name.endswith(f".{domain}") for domain in filter(None, domains))

    def admits(self, address: str) -> bool:
        """Whether an address may be connected to."""
        if is_public(address):
            return True
        networks = [network for entry in self.inside_hosts if (network := _network(entry))]
        return is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network that an entry stands for; a single address is one too."""
    with suppress(ValueError):
        return ipaddress.ip_network(entry, strict=False)
    return None


def _fits(entry: str, url: URL) -> bool:
    plain = entry.startswith("http://")
    given = URL(entry if "://" in entry else f"//{entry}")
    host, wanted = (url.raw_host or "").rstrip("."), (given.raw_host or "").lower()
    if plain and url.scheme != "http":
        return False
    port = given.explicit_port or (80 if plain else None)
    if port is not None and port != url.port:
        return False
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
    return bool(host) and host == wanted


def problem_of(entry: str) -> str:
    """What is wrong with an entry of `AIRUNWAY_INSIDE_HOSTS`, without quoting it; empty when nothing is."""
    if _network(entry):
        return ""
    try:
        url = URL(entry if "://" in entry else f"//{entry}")
        port = url.explicit_port
    except ValueError:
        return "an entry is no host"
    host = url.raw_host or ""
    if url.scheme not in ("", "http") or not host or port == 0 or url.path.strip("/") or url.user:
        return "an entry is neither a host, host:port, *.domain, a CIDR nor http://host:port"
    if "*" in host.removeprefix("*.") or host == "*":
        return "an asterisk stands only before a domain"
    return ""
