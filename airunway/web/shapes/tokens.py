"""The Hugging Face token, and signing in at the hub for it (web-api.md §3.6)."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED


@CLOSED
class HubUserShape(TypedDict):
    """HfUser."""

    id: str
    name: str
    fullname: str
    email: NotRequired[str]
    avatarUrl: NotRequired[str]


@CLOSED
class TokenPlaceShape(TypedDict):
    """A namespace, and whether there is a token in it."""

    name: str
    exists: bool


@CLOSED
class TokenStatusShape(TypedDict):
    """Where there is one, and whose."""

    configured: bool
    namespaces: list[TokenPlaceShape]
    user: NotRequired[HubUserShape]


@CLOSED
class TokenChangeShape(TypedDict):
    """What became of it in one namespace."""

    namespace: str
    success: bool
    error: NotRequired[str]


@CLOSED
class TokenSavedShape(TypedDict):
    """It was saved everywhere."""

    success: bool
    message: str
    user: HubUserShape
    results: list[TokenChangeShape]


@CLOSED
class TokenDeletedShape(TypedDict):
    """Whether it was deleted everywhere."""

    success: bool
    message: str
    results: list[TokenChangeShape]


@CLOSED
class OAuthConfigShape(TypedDict):
    """What a client needs to begin."""

    clientId: str
    authorizeUrl: str
    scopes: list[str]


@CLOSED
class OAuthStartShape(TypedDict):
    """Where the browser goes."""

    authorizationUrl: str
    state: str


@CLOSED
class HubTokenShape(TypedDict):
    """HfToken."""

    accessToken: str
    tokenType: Literal["Bearer"]
    expiresIn: NotRequired[int]
    scope: NotRequired[str]
    user: HubUserShape
