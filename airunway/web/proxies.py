"""Where a request comes from, behind proxies that are trusted to say so.

Anybody may send `X-Forwarded-For`; each proxy on the way appends the address that it was called from. So it
is read from its end, as long as the addresses are those of proxies that are trusted: what stands before the
first other one was written by whoever is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
MAX_HOPS = 20


def sender(peer: str, forwarded: Iterable[str], trusted: Sequence[Network]) -> str:
    """The address that a request was sent from. `forwarded`: the values of `X-Forwarded-For`, in order."""
    if not _is_trusted(peer, trusted):
        return peer
    found = peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-MAX_HOPS:]):
        address = _address(hop)
        if not address:
            break
        found = address
        if not _is_trusted(address, trusted):
            break
    return found


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    found = _address(address)
    return bool(found) and any(ip_address(found) in network for network in trusted)


def _address(text: str) -> str:
    """An address as it is usually written, without a port; empty for what is none."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
