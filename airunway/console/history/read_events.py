"""Events of a workflow's history with their payloads decoded, so that reading them needs no client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter
from temporalio.exceptions import FailureError

from airunway.console.temporal_errors import ENCODED_FAILURE

UNREADABLE = "not readable here"
"""In place of a payload: encrypted with a key that is not given, or of no known encoding."""
_PREFIX = "EVENT_TYPE_"
LOCAL_ACTIVITY = "core_local_activity"
"""Marker by which the SDK records a step that was done inline."""


@dataclass(frozen=True, kw_only=True)
class ReadEvent:
    """One event."""

    id: int
    at: datetime
    kind: str
    """E.g. `ACTIVITY_TASK_SCHEDULED`."""
    attributes: Any
    """The protobuf message of its kind."""
    given: list[Any] = field(default_factory=list)
    """What was sent: input of a workflow, signal, update or step."""
    result: Any = None
    failure: str = ""
    summary: str = ""


async def read_event(event: HistoryEvent, converter: DataConverter) -> ReadEvent:
    """Decode what is read of it."""
    attributes = getattr(event, event.WhichOneof("attributes") or "", None)
    kind = EventType.Name(event.event_type).removeprefix(_PREFIX)
    return ReadEvent(
        id=event.event_id,
        at=event.event_time.ToDatetime(tzinfo=UTC),
        kind=kind,
        attributes=attributes,
        given=await _decoded(_given(kind, attributes), converter),
        result=next(iter(await _decoded(_result(kind, attributes), converter)), None),
        failure=await _failure(attributes, converter),
        summary=str(next(iter(await _decoded([event.user_metadata.summary], converter)), "") or ""),
    )


def _given(kind: str, attributes: Any) -> Sequence[Payload]:
    if kind == "WORKFLOW_EXECUTION_UPDATE_ACCEPTED":
        return list(attributes.accepted_request.input.args.payloads)
    if kind == "MARKER_RECORDED" and attributes.marker_name == LOCAL_ACTIVITY:
        return list(attributes.details["data"].payloads) if "data" in attributes.details else []
    return list(attributes.input.payloads) if _has(attributes, "input") else []


def _result(kind: str, attributes: Any) -> Sequence[Payload]:
    if kind == "WORKFLOW_EXECUTION_UPDATE_COMPLETED":
        return list(attributes.outcome.success.payloads)
    if kind == "MARKER_RECORDED" and attributes.marker_name == LOCAL_ACTIVITY:
        return list(attributes.details["result"].payloads) if "result" in attributes.details else []
    return list(attributes.result.payloads) if _has(attributes, "result") else []


async def _decoded(payloads: Sequence[Payload], converter: DataConverter) -> list[Any]:
    there = [payload for payload in payloads if payload.metadata]
    if not there:
        return []
    try:
        return list(await converter.decode(there))
    except Exception:  # a codec may raise anything; one payload must not hide the other events
        return [UNREADABLE] * len(there)


async def _failure(attributes: Any, converter: DataConverter) -> str:
    """The innermost cause, in one line: what is around it says only which step it was."""
    failure = _failure_of(attributes)
    if failure is None:
        return ""
    try:
        error: BaseException | None = await converter.decode_failure(failure)
    except Exception:
        return UNREADABLE
    while isinstance(error, FailureError) and error.cause is not None:
        error = error.cause
    text = (error.message if isinstance(error, FailureError) else str(error)).strip()
    if text == ENCODED_FAILURE:
        return UNREADABLE
    return text.splitlines()[0] if text else "it failed"


def _failure_of(attributes: Any) -> Failure | None:
    for name in ("failure", "last_failure"):
        if _has(attributes, name) and attributes.HasField(name):
            found: Failure = getattr(attributes, name)
            return found
    if _has(attributes, "outcome") and attributes.outcome.HasField("failure"):
        refused: Failure = attributes.outcome.failure
        return refused
    return None


def _has(attributes: Any, name: str) -> bool:
    return isinstance(attributes, Message) and name in attributes.DESCRIPTOR.fields_by_name
