"""Tell a caller on this machine from a page in its browser.

A server on the loopback without a login is safe from the network, not from the browser beside it: a page can
have its own name resolve to 127.0.0.1 (DNS rebinding), and then read every answer as its own. What it cannot
do is call the server by another name than its own, so the name in `Host` tells; and what a page of another
address sends blindly carries its `Origin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def comes_from_here(headers: Mapping[str, str]) -> bool:
    """Whether the names that a request is sent to, and by, are those of this machine itself.

    A request without `Host` (HTTP/1.0) is none that a browser sends.
    """
    origin = headers.get("Origin", "")
    return _is_local(f"//{headers.get('Host', 'localhost')}") and (not origin or _is_local(origin))


def _is_local(address: str) -> bool:
    try:
        name = urlsplit(address).hostname
    except ValueError:
        return False
    return name in _NAMES
