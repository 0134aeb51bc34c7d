"""Payloads of signals, which anybody may send in any shape. Pure.

A handler that declared its type would have the SDK log a traceback and drop the signal, or fail the workflow
task for ever. So handlers take whatever comes (`workflows.raw_payloads`) and have it read here; what cannot
be read is recorded by the workflow and otherwise ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

MAX_WHERE = 100
"""Characters of where a payload is wrong: whoever sent it chose them."""

Shape = TypeVar("Shape", bound=BaseModel)


class UnreadablePayload(ValueError):
    """A payload is encrypted with a key that is not here, and says something where that is."""


class WrongPayload(Exception):
    """A payload is not of the shape that its signal takes. The message says what is wrong, for people."""


def read_payload(payloads: Sequence[Any], shape: type[Shape]) -> Shape:
    """The first payload as a model; the model's defaults when none came. Raises WrongPayload."""
    given = payloads[0] if payloads and payloads[0] is not None else {}
    try:
        return shape.model_validate(given)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:MAX_WHERE]
        raise WrongPayload(f"{f'{where}: ' if where else ''}{first['msg']}") from err


def read_text(payloads: Sequence[Any]) -> str:
    """The first payload as a text. Raises WrongPayload."""
    if payloads and isinstance(payloads[0], str):
        return payloads[0]
    raise WrongPayload("a text is wanted")
