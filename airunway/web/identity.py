"""Who calls: a bearer token or a session cookie, checked by Kubernetes (TokenReview), or everybody.

With a token, the caller's requests to Kubernetes bear that token, on connections that have no credentials of
ours. Without sign-in everybody acts as this process does.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from airunway.clients.errors import ApiError, NotFound, Unauthorized
from airunway.clients.kubernetes import Cluster, Resource
from airunway.web.cache import TimedCache
from airunway.web.errors import NotSignedIn, WebError
from airunway.web.proxies import Network, sender
from airunway.web.sessions import CSRF_FIELD, CSRF_HEADER, CookieSessions
from airunway.workers.rate_limit import RateLimit
from airunway.workers.temporal.identity import person_identity

TOKEN_REVIEWS = Resource("authentication.k8s.io/v1", "tokenreviews")
REVIEW_SECONDS = 30.0
"""How long a review holds: a token that was revoked works on for so long."""
MAX_REVIEWS = 5_000
FAILURES_AT_ONCE, FAILURE_SECONDS = 20, 6.0
"""Wrong tokens from one address that Kubernetes is asked about: so many at once, then ten a minute."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Somebody who calls, and the cluster as they may use it."""

    user: str
    """Kubernetes' name for them; of everybody: who runs this process."""
    cluster: Cluster
    key: str = ""
    """By which answers about the caller's rights are kept: a digest of the token."""
    is_everybody: bool = False
    """Nobody signs in: what this process may, everybody may."""
    csrf_token: str = ""
    """For the forms of a page, when the caller came with a cookie."""


@dataclass(frozen=True)
class _Reviewed:
    user: str
    """Empty: Kubernetes does not accept the token."""
    why: str = ""


class Identities:
    """Finds out who calls. `own`: the cluster under our own account; `bare`: without any credentials."""

    def __init__(
        self,
        own: Cluster,
        bare: Cluster,
        *,
        signs_in: bool,
        sessions: CookieSessions,
        trusted: Sequence[Network] = (),
    ) -> None:
        """`trusted`: proxies that say where a request comes from."""
        self._own, self._bare, self._trusted = own, bare, trusted
        self.signs_in, self.sessions = signs_in, sessions
        self._everybody = Caller(user=person_identity(), cluster=own, is_everybody=True)
        self._reviews: TimedCache[str, _Reviewed] = TimedCache(seconds=REVIEW_SECONDS, maximum=MAX_REVIEWS)
        self._failures = RateLimit(burst=FAILURES_AT_ONCE, interval=FAILURE_SECONDS)

    async def of_request(self, request: Request) -> Caller:
        """Who sent a request. Raises NotSignedIn, WebError."""
        if not self.signs_in:
            return self._everybody
        address = self.address_of(request)
        scheme, _, word = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and word.strip():
            return await self.of_token(word.strip(), address=address)
        session = self.sessions.read(request.cookies)
        if session is None:
            raise NotSignedIn("Authentication required: sign in, or send `Authorization: Bearer <token>`")
        caller = await self.of_token(session.token, address=address)
        if request.method not in SAFE_METHODS:
            await self._check_form(request, session.csrf_token)
        return Caller(caller.user, caller.cluster, caller.key, csrf_token=session.csrf_token)

    def address_of(self, request: Request) -> str:
        """Where a request comes from, as far as proxies before us are trusted."""
        peer = request.client.host if request.client else ""
        return sender(peer, request.headers.getlist("X-Forwarded-For"), self._trusted)

    async def of_token(self, token: str, *, address: str = "") -> Caller:
        """Whose a token is. `address`: where it came from, for the limit. Raises NotSignedIn, WebError."""
        try:
            cluster = self._bare.with_token(token)
        except Unauthorized as err:
            raise NotSignedIn(str(err)) from err
        key = hashlib.sha256(token.encode()).hexdigest()
        if self._reviews.peek(key) is None:
            self._check_failures(address)
        reviewed = await self._reviews.get(key, lambda: self._review(token, address))
        if not reviewed.user:
            raise NotSignedIn(f"Kubernetes does not accept this token: {reviewed.why}")
        return Caller(user=reviewed.user, cluster=cluster, key=key)

    def _check_failures(self, address: str) -> None:
        wait = self._failures.delay(address, time.monotonic())
        if wait > 0:
            raise WebError(
                429,
                f"too many wrong tokens came from {address or 'here'}; try again in {math.ceil(wait)} s",
                headers={"Retry-After": str(math.ceil(wait))},
            )

    async def _review(self, token: str, address: str) -> _Reviewed:
        try:
            answer = await self._own.create(TOKEN_REVIEWS, {"spec": {"token": token}})
        except NotFound as err:
            raise WebError(503, "this API server has no TokenReview: nobody can sign in") from err
        except ApiError as err:
            raise WebError(503, f"the token cannot be checked (TokenReview): {err}") from err
        status = answer.get("status") or {}
        user = str((status.get("user") or {}).get("username") or "")
        if status.get("authenticated") and user:
            return _Reviewed(user)
        self._failures.served(address, time.monotonic())
        return _Reviewed("", str(status.get("error") or "it is not valid, or no longer"))

    @staticmethod
    async def _check_form(request: Request, wanted: str) -> None:
        """Another page can make a browser send our cookie, but cannot read the token that goes with it."""
        given = request.headers.get(CSRF_HEADER, "")
        kind = request.headers.get("Content-Type", "")
        if not given and kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
            given = str((await request.form()).get(CSRF_FIELD) or "")
        if not CookieSessions.is_same(given, wanted):
            raise WebError(403, "the page is out of date, or another page sent this: load it again")
