"""Sign-ins at the hub that began here: what ends one is sealed into its state, so that any replica ends it.

Apart from session cookies, with a key of its own out of the same one: what is sealed for one purpose is
nothing for the other. A browser is not told the verifier; that a state is its own, the client compares.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken

from airunway.web.cache import TimedCache

SIGN_IN_SECONDS = 600
"""From the beginning to the code that the hub gives."""
MAX_RETURN_LENGTH, MAX_STATE_LENGTH = 1_000, 8_192
"""Of the address that the hub leads back to, and so of what it stands in."""
MAX_ENDED = 5_000
_PURPOSE = b"sign-in at the hub"


@dataclass(frozen=True)
class HubSignIn:
    """What is needed to end one. `state`: what the hub gives back with its code."""

    verifier: str
    redirect_uri: str
    state: str

    @property
    def challenge(self) -> str:
        """Of the verifier, by S256 of RFC 7636."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class HubSignIns:
    """Begins and ends them. `key`: that of session cookies; empty: one of this process."""

    def __init__(self, key: str = "") -> None:
        own = hmac.new((key or secrets.token_urlsafe(32)).encode(), _PURPOSE, hashlib.sha256).digest()
        self._seal = Fernet(base64.urlsafe_b64encode(own))
        self._ended: TimedCache[str, bool] = TimedCache(seconds=SIGN_IN_SECONDS, maximum=MAX_ENDED)

    def begin(self, redirect_uri: str) -> HubSignIn:
        """A new one."""
        verifier = secrets.token_urlsafe(48)
        sealed = self._seal.encrypt(json.dumps([verifier, redirect_uri], ensure_ascii=False).encode())
        return HubSignIn(verifier, redirect_uri, sealed.decode())

    def end(self, state: str) -> HubSignIn | None:
        """The one of a state, once; None: no replica began it, or it has taken too long.

        Only this process knows what it ended: at another replica a state is good until its code is, which the
        hub takes once.
        """
        key = hashlib.sha256(state.encode()).hexdigest()
        if self._ended.peek(key) is not None:
            return None
        try:
            verifier, redirect_uri = json.loads(self._seal.decrypt(state.encode(), ttl=SIGN_IN_SECONDS))
        except InvalidToken:
            return None
        self._ended.put(key, True)
        return HubSignIn(verifier, redirect_uri, state)
