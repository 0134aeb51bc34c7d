"""The logins that may push to the registry in the cluster, as its Secret keeps them. Pure: the time is given.

There are two at a time. A new one is written beside the old one and used once the kubelets have surely
brought it into the registry's pod; the old one is good until the next is made, so a build that began with it
ends with it. The registry itself knows only the hashes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, TypeAdapter, ValidationError

HTPASSWD = "htpasswd"
"""Key of the Secret that the registry's pod reads: a user and the hash of the password in each line."""
LOGINS = "logins.json"
"""Key of the Secret that only the worker reads: the logins, newest first."""

SETTLES_AFTER = timedelta(minutes=10)
"""A kubelet renews what it mounted of a Secret within some two minutes."""
_KEPT = 2


class RegistryLogin(BaseModel):
    """One login, and when it was made."""

    user: str
    password: str
    hash: str
    since: datetime
    lineage: str
    """The same for all that came one after the other. It changes when somebody emptied the Secret: then the
    registry's pod must not wait until its kubelet notices."""


def logins_in(data: Mapping[str, bytes]) -> list[RegistryLogin]:
    """The logins that a Secret's decoded data holds, newest first; none when it holds nothing of use."""
    try:
        return TypeAdapter(list[RegistryLogin]).validate_json(data.get(LOGINS, b"[]"))
    except ValidationError:
        return []


def data_of(logins: Sequence[RegistryLogin]) -> dict[str, bytes]:
    """What the Secret holds for these logins."""
    kept = [login.model_dump(mode="json") for login in logins]
    lines = "".join(f"{login.user}:{login.hash}\n" for login in logins)
    return {HTPASSWD: lines.encode(), LOGINS: json.dumps(kept).encode()}


def rotated(
    logins: Sequence[RegistryLogin],
    now: datetime,
    *,
    lifetime: timedelta,
    new_login: Callable[[datetime, str], RegistryLogin],
) -> list[RegistryLogin]:
    """The logins that there should be now: with a new one when the newest has lived long enough.

    `new_login` is given the time and the lineage to continue, empty for a new one.
    """
    if logins and now - logins[0].since < lifetime:
        return list(logins)
    return [new_login(now, logins[0].lineage if logins else ""), *logins][:_KEPT]


def login_to_use(logins: Sequence[RegistryLogin], now: datetime) -> RegistryLogin | None:
    """The newest login that the registry surely knows; the only one there is, if it is new."""
    settled = (login for login in logins if now - login.since >= SETTLES_AFTER)
    return next(settled, logins[-1] if logins else None)
