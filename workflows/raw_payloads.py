"""Signals that take whatever comes, even what no converter can read.

The SDK drops a signal whose payload it cannot decode, with a traceback in the log. A handler that declares
one raw payload gets it all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from airunway.messages.payloads import UnreadablePayload, WrongPayload, read_payload

Handlers = TypeVar("Handlers")
Shape = TypeVar("Shape", bound=BaseModel)

NOTHING = RawValue(Payload())
"""No payload came."""
MAX_PAYLOAD_BYTES = 256 * 1024
"""What this system sends takes a hundredth; Temporal lets two million bytes through, and a task that takes
long is given up and tried again for ever."""


def takes_any_payload(
    handler: Callable[[Handlers, RawValue], None],
) -> Callable[[Handlers, RawValue], None]:
    """Of a signal: the first payload as it came, or NOTHING; more are left aside."""

    @functools.wraps(handler)
    def take(self: Handlers, *payloads: Any) -> None:
        handler(self, payloads[0] if payloads else NOTHING)

    return take


def read_signal(payload: RawValue, shape: type[Shape], *, otherwise: Callable[[str], None]) -> Shape | None:
    """What came with a signal; None when it is of another shape, which `otherwise` is told in words."""
    try:
        return read_payload(decoded(payload), shape)
    except WrongPayload as err:
        otherwise(str(err))
        return None


def decoded(payload: Any) -> list[Any]:
    """What came with a signal; bytes where it cannot be decoded, which are of no signal's shape.

    Raises WrongPayload for what is too large to be looked at, and UnreadablePayload where only the key is
    missing: another worker may have it, and what was taken there must not be left aside here.
    """
    if not isinstance(payload, RawValue):
        return [payload]
    if payload == NOTHING:
        return []
    if len(payload.payload.data) > MAX_PAYLOAD_BYTES:
        raise WrongPayload(f"it has more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        return [workflow.payload_converter().from_payload(payload.payload)]
    except UnreadablePayload:
        raise
    except Exception:  # of whatever converter: the payload is anybody's
        return [payload.payload.data]
