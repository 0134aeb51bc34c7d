"""What answers of all groups share."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

CLOSED = with_config(ConfigDict(extra="forbid"))
"""A mapping has no other fields than those of its type."""

Obj = dict[str, Any]
"""An object of Kubernetes, or a part of one."""


@CLOSED
class ErrorShape(TypedDict):
    """Why a request is refused. `reason`: a word for programs; further fields: what is known beyond it."""

    message: str
    statusCode: int
    reason: NotRequired[str]
    details: NotRequired[str]
    errors: NotRequired[list[str]]
    results: NotRequired[list[Any]]


@CLOSED
class RefusalShape(TypedDict):
    """The usual refusal."""

    error: ErrorShape


@CLOSED
class ZodErrorShape(TypedDict):
    """What does not fit. `message`: a JSON list of `{code, path, message}`."""

    name: Literal["ZodError"]
    message: str


@CLOSED
class MisfitShape(TypedDict):
    """A body or a query does not fit."""

    success: Literal[False]
    error: ZodErrorShape


@CLOSED
class PlainRefusalShape(TypedDict):
    """A refusal of the groups that have a body of their own."""

    success: NotRequired[Literal[False]]
    error: str
    reasons: NotRequired[list[Any]]


@CLOSED
class MessageShape(TypedDict):
    """It was done."""

    message: str
