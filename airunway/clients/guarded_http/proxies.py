"""The proxy that the environment names for a URL (HTTP_PROXY, HTTPS_PROXY, NO_PROXY); no .netrc."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from airunway.clients.guarded_http.addresses import is_loopback


def proxy_for(url: URL) -> URL | None:
    """The proxy to go by; None: directly. This machine is never asked by a proxy."""
    host = url.raw_host or ""
    if is_loopback(host):
        return None
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or proxy_bypass(f"{host}:{url.port}"):
        return None
    return URL(found if "://" in found else f"http://{found}")
