"""Who sends a request: tokens and the users they stand for, and users taken the place of.

A request without a token is the administrator's, as in a cluster that one has to oneself; one with a token is
its user's, and judged by RBAC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidict import CIMultiDict, CIMultiDictProxy

from .errors import StatusError, bad_request

AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
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


class Users:
    """The users whose tokens are known."""

    def __init__(self) -> None:
        self._by_token: dict[str, User] = {}

    def add(self, token: str, name: str, *, groups: tuple[str, ...] = (), uid: str = "") -> User:
        """Let a token stand for a user. That of a service account is called
        `system:serviceaccount:<namespace>:<name>` and is in its groups by itself.
        """
        self._by_token[token] = user = _known(name, groups, uid)
        return user

    def remove(self, token: str) -> None:
        """Forget a token."""
        self._by_token.pop(token, None)

    def of_token(self, token: str) -> User | None:
        """Whose a token is."""
        return self._by_token.get(token)

    def of_request(self, headers: Mapping[str, str]) -> User:
        """Who sends a request, or None's refusal: 401 for a token that nobody has."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return ADMINISTRATOR
        user = self._by_token.get(token.strip())
        if user is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        return user


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
