"""Who sends a request: tokens and the users they stand for, and users taken the place of.

A request without a token is the administrator's, as in a cluster that one has to oneself; one with a token is
its user's, and judged by RBAC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from multidict import CIMultiDict, CIMultiDictProxy

from .errors import StatusError, bad_request

AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
AUDIENCE = "https://kubernetes.default.svc"
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """A user as requests are judged by it. `extra`: what else its authenticator says."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def info(self) -> dict[str, object]:
        """As reviews write it; empty parts are left out."""
        parts: dict[str, object] = {
            "username": self.name,
            "uid": self.uid,
            "groups": list(self.groups),
            "extra": dict(self.extra),
        }
        return {key: value for key, value in parts.items() if value}

    @property
    def may_everything(self) -> bool:
        """Whether no rule binds it."""
        return MASTERS in self.groups


ADMINISTRATOR = User("system:admin", (MASTERS, AUTHENTICATED))


@dataclass(frozen=True, slots=True)
class Token:
    """What a token stands for, for whom it is meant, and until when; None: for ever."""

    user: User
    audiences: tuple[str, ...] = (AUDIENCE,)
    until: datetime | None = None


class Users:
    """The users whose tokens are known."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._tokens: dict[str, Token] = {}
        self._now = now

    def add(self, token: str, name: str, *, groups: tuple[str, ...] = (), uid: str = "") -> User:
        """Let a token stand for a user. That of a service account is called
        `system:serviceaccount:<namespace>:<name>` and is in its groups by itself.
        """
        user = _known(name, groups, uid)
        self._tokens[token] = Token(user)
        return user

    def issue(
        self,
        token: str,
        *,
        namespace: str,
        account: str,
        uid: str,
        extra: Mapping[str, list[str]],
        audiences: tuple[str, ...],
        until: datetime,
    ) -> None:
        """Let a token stand for a service account for a while."""
        known = _known(f"{_SERVICE_ACCOUNT}{namespace}:{account}", (), uid)
        self._tokens[token] = Token(replace(known, extra=extra), audiences, until)

    def remove(self, token: str) -> None:
        """Forget a token."""
        self._tokens.pop(token, None)

    def forget(self, uid: str) -> None:
        """Forget the tokens that were issued to a service account."""
        issued = [token for token, held in self._tokens.items() if held.until and held.user.uid == uid]
        for token in issued:
            del self._tokens[token]

    def of_token(self, token: str) -> Token | None:
        """What a token stands for; None where nobody has it, or its time is over."""
        held = self._tokens.get(token)
        return None if held is None or (held.until and held.until <= self._now()) else held

    def of_request(self, headers: Mapping[str, str]) -> User:
        """Who sends a request, or None's refusal: 401 for a token that nobody has."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return ADMINISTRATOR
        held = self.of_token(token.strip())
        if held is None or AUDIENCE not in held.audiences:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        return held.user


def impersonated(headers: Mapping[str, str]) -> User | None:
    """Whose place a request takes, by its `Impersonate-` headers; None: nobody's."""
    name = headers.get("Impersonate-User", "")
    groups = _all(headers, "Impersonate-Group")
    if not name:
        if groups:
            raise bad_request(f"requested [{{Group  {groups[0]}     }}] without impersonating a user")
        return None
    return _known(name, groups, headers.get("Impersonate-Uid", ""))


def _known(name: str, groups: tuple[str, ...], uid: str) -> User:
    if name.startswith(_SERVICE_ACCOUNT) and not groups:
        namespace = name.removeprefix(_SERVICE_ACCOUNT).split(":")[0]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    if AUTHENTICATED not in groups and name != "system:anonymous":
        groups = (*groups, AUTHENTICATED)
    return User(name, groups, uid)


def _all(headers: Mapping[str, str], name: str) -> tuple[str, ...]:
    if isinstance(headers, CIMultiDict | CIMultiDictProxy):
        return tuple(headers.getall(name, ()))
    return (headers[name],) if name in headers else ()
