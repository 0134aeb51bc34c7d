"""The few of Temporal's messages that a list needs, as protobuf has them on the wire. Pure.

The SDK's own classes come with those of all messages that there are, which takes longer than the list. A test
compares with them. Source: temporal/api/workflowservice/v1, workflow/v1 (WorkflowExecutionInfo).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.console.workflow_state import OPEN, PAGE, WorkflowState, described

_STATUSES = {
    **{0: OPEN, 1: OPEN, 2: "completed", 3: "failed", 4: "canceled"},
    **{5: "terminated", 6: "continued_as_new", 7: "timed_out", 8: "paused"},
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Fields = dict[int, list[Any]]
"""Of a message: values by number, in their order; bytes, or a number."""


def list_request(namespace: str, query: str, token: bytes) -> bytes:
    """A ListWorkflowExecutionsRequest; `token`: of the page before."""
    texts = _text(1, namespace.encode()), b"\x10" + _varint(PAGE), _text(3, token), _text(4, query.encode())
    return b"".join(texts)


def listed(answer: bytes) -> tuple[list[WorkflowState], bytes]:
    """The runs of a ListWorkflowExecutionsResponse, and the token of the next page. Raises ValueError."""
    read = _fields(answer)
    return [_state(_fields(info)) for info in read.get(1, [])], _last(read, 2, b"")


def _state(info: Fields) -> WorkflowState:
    execution, indexed = _message(info, 1), _message(info, 11)
    pairs = [_fields(entry) for entry in indexed.get(1, [])]
    deployed, stamp = _message(_message(info, 22), 7), _message(info, 16)
    return described(
        workflow_id=_last(execution, 1, b"").decode(),
        run_id=_last(execution, 2, b"").decode(),
        status=_STATUSES[_last(info, 5, 0)],
        started_at=_time(_message(info, 3)),
        closed_at=_time(_message(info, 4)) if 4 in info else None,
        attributes={_last(pair, 1, b"").decode(): _last(_message(pair, 2), 2, b"") for pair in pairs},
        build_id=(_last(deployed, 1, b"") or _last(stamp, 1, b"")).decode(),
    )


def _time(stamp: Fields) -> datetime:
    return _EPOCH + timedelta(seconds=_last(stamp, 1, 0), microseconds=_last(stamp, 2, 0) // 1000)


def _last(read: Fields, number: int, absent: Any) -> Any:
    return read[number][-1] if number in read else absent


def _message(read: Fields, number: int) -> Fields:
    return _fields(_last(read, number, b""))


def _fields(data: bytes) -> Fields:
    found: Fields = {}
    for number, value in _pairs(data):
        found.setdefault(number, []).append(value)
    return found


def _pairs(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _number(data, at)
            yield key >> 3, value
            continue
        size, at = _number(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        if at + size > len(data):
            raise ValueError("a message ends before its end")
        yield key >> 3, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A varint that begins there, and where what follows it begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _text(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value if value else b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
