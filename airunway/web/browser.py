"""What a browser must not be made to do: pages of others that call this server, scripts put into its pages.

A server without a login is safe from the network on a loopback address, not from the browser beside it: a
page may have its own name resolve here (DNS rebinding), which the name in `Host` tells, and may send blindly,
which `Origin` and `Sec-Fetch-Site` tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunway.web.errors import AUTH_ERROR_HEADER, error_answer
from airunway.workers.web_settings import LOOPBACK_NAMES, WebSettings

LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
CORS_METHODS = "GET, HEAD, PUT, POST, DELETE, PATCH"
PREFLIGHT_SECONDS = "600"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 4 * 1024 * 1024

SECURITY_HEADERS = {
    # Everything a page needs comes from here, as files; no script stands in a page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: a browser would send our own forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class BrowserGuard:
    """Outermost: refuses what comes by a wrong name or from a foreign page, and puts headers on answers."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._hosts = frozenset({*LOOPBACK_NAMES, *settings.web_hosts})
        self._any_host = "*" in settings.web_hosts or (settings.web_signs_in and not settings.web_hosts)
        self._origins = frozenset(origin.rstrip("/") for origin in settings.web_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("Origin", "")
        is_foreign_friend = bool(origin) and self._may_call(origin)
        # Scripts and styles are everybody's, and asked about each time whether they are still the same.
        kept = "no-cache" if scope["path"].startswith("/static/") else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                put = MutableHeaders(scope=message)
                for name, text in SECURITY_HEADERS.items():
                    put.setdefault(name, text)
                put.setdefault("Cache-Control", kept)
                put.append("Vary", "Origin")
                if is_foreign_friend:
                    put["Access-Control-Allow-Origin"] = "*" if "*" in self._origins else origin
                    put["Access-Control-Expose-Headers"] = AUTH_ERROR_HEADER
            await send(message)

        if is_foreign_friend and _is_preflight(scope["method"], headers):
            await _preflight(headers)(scope, receive, send_with_headers)
            return
        refusal = self._refusal(scope["method"], headers, may_call=is_foreign_friend)
        if refusal:
            await error_answer(403, refusal)(scope, receive, send_with_headers)
            return
        if _size(headers) > MAX_BODY_BYTES:
            answer = error_answer(413, f"the request has more than {MAX_BODY_BYTES} bytes")
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, _bounded(receive), send_with_headers)

    def _refusal(self, method: str, headers: Headers, *, may_call: bool) -> str:
        """Why a request is refused; empty: it is not."""
        host = headers.get("Host", "localhost")
        if not self._any_host and host_name(host) not in self._hosts:
            return f"this server is not called {host[:253]!r}; if it should be, see AIRUNWAY_WEB_HOSTS"
        if method in SAFE_METHODS or may_call:
            return ""
        origin = headers.get("Origin", "")
        if origin and origin_host(origin) != host.lower():
            return f"pages of {origin[:253]!r} may not call this server; see AIRUNWAY_WEB_ORIGINS"
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return "pages of other servers may not call this one; see AIRUNWAY_WEB_ORIGINS"
        return ""

    def _may_call(self, origin: str) -> bool:
        """Whether pages of another address are let in."""
        if not self._origins:
            return LOCAL_ORIGIN.fullmatch(origin) is not None
        return "*" in self._origins or origin in self._origins


def host_name(host: str) -> str:
    """The name in a `Host` header, without its port; empty for what is none."""
    return _part_of(f"//{host}", "hostname")


def origin_host(origin: str) -> str:
    """Name and port of an origin, as a browser writes them into `Host`; empty for what is none."""
    return _part_of(origin, "netloc")


def _part_of(address: str, part: str) -> str:
    try:
        return str(getattr(urlsplit(address), part) or "").lower()
    except ValueError:
        return ""


def _is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    return method == "OPTIONS" and "access-control-request-method" in headers


def _preflight(headers: Mapping[str, str]) -> ASGIApp:
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": CORS_METHODS,
            "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "")[:2_000],
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        },
    )


def _size(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdecimal() and len(text) < 16 else MAX_BODY_BYTES + 1


def _bounded(receive: Receive) -> Receive:
    """The same, of a body whose length was not said, until it is too long."""
    got = 0

    async def bounded() -> Message:
        nonlocal got
        message = await receive()
        if message["type"] == "http.request":
            got += len(message.get("body", b""))
            if got > MAX_BODY_BYTES:
                return {"type": "http.disconnect"}
        return message

    return bounded
