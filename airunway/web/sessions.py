"""Signing in with a pasted token: a cookie that holds it, sealed, and the token of its forms.

The cookie is all there is of a session, so that any replica knows it, and none after the key is changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

from airunway.web.errors import WebError

SESSION_COOKIE = "airunway_session"
SESSION_SECONDS = 12 * 60 * 60
"""A working day; then the token is pasted anew."""
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf_token"
MAX_COOKIE_BYTES = 4_000
"""What browsers keep of one cookie, its attributes among it."""
MIN_KEY_LENGTH = 32


@dataclass(frozen=True)
class WebSession:
    """What a cookie says."""

    token: str
    csrf_token: str


class CookieSessions:
    """Seals and reads cookies. `key`: any text of 32 characters or more; empty: one of this process."""

    def __init__(self, key: str = "") -> None:
        if key and len(key) < MIN_KEY_LENGTH:
            raise ValueError(f"the key of sessions needs {MIN_KEY_LENGTH} characters or more")
        self._key = hashlib.sha256((key or secrets.token_urlsafe(32)).encode()).digest()
        self._seal = Fernet(base64.urlsafe_b64encode(self._key))

    def begin(self, request: Request, response: Response, token: str) -> None:
        """Put the cookie into an answer. Raises WebError when the token does not fit into one."""
        sealed = self._seal.encrypt(token.encode()).decode()
        if len(sealed) > MAX_COOKIE_BYTES - 200:
            raise WebError(
                400,
                f"the token has {len(token)} characters, too many for a cookie; use that of a ServiceAccount "
                "(kubectl create token NAME), or send it as `Authorization: Bearer`",
            )
        response.set_cookie(
            SESSION_COOKIE,
            sealed,
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=_is_https(request),
        )

    def end(self, request: Request, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(
            SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=_is_https(request)
        )

    def read(self, cookies: Mapping[str, str]) -> WebSession | None:
        """The session of a request; None without one, or when it is over."""
        sealed = cookies.get(SESSION_COOKIE, "")
        try:
            token = self._seal.decrypt(sealed.encode(), ttl=SESSION_SECONDS).decode()
        except (InvalidToken, UnicodeError):
            return None
        return WebSession(token=token, csrf_token=self.csrf_token(sealed))

    def csrf_token(self, sealed: str) -> str:
        """What forms of a page bring back, for this cookie alone."""
        return hmac.new(self._key, b"form:" + sealed.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def is_same(given: str, wanted: str) -> bool:
        """Compare two such tokens, as long as it takes."""
        return hmac.compare_digest(given.encode(), wanted.encode())


def _is_https(request: Request) -> bool:
    # Who says so falsely only keeps the cookie from plain HTTP.
    return request.url.scheme == "https" or request.headers.get("X-Forwarded-Proto", "") == "https"
