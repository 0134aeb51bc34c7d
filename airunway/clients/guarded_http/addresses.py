"""Which addresses are public. Pure.

Not by `ipaddress.is_global`: what that says differs between versions of Python, and it counts multicast and
addresses that lead to others (NAT64, 6to4, Teredo, ISATAP) as global. Sources: IANA's special-purpose
registries.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Network

_INNER_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared: carriers, and the pods of some clouds
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, from within its machines
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
"""All that was ever given out. Outside it are loopback, unspecified, unique local, link-local, site-local,
multicast, the IPv4-mapped, and both ranges of NAT64."""
_INNER_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # for protocols: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The first half of an interface's id that ends in an IPv4 address, in whatever network (RFC 5214)."""


def is_public(address: str) -> bool:
    """Whether an address leads out, to where it says. False for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _INNER_V4)
    if int(found) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return False
    return found in _GLOBAL_V6 and not any(found in network for network in _INNER_V6)


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
