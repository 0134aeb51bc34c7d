"""Reads bodies in Kubernetes' protobuf, which clients in Go send for built-in kinds (`kubectl create secret`,
say).

Answers are always JSON, which those clients take too. The field numbers are in `builtin_schemas.json`
(`x-proto`). Format: k8s.io/apimachinery/pkg/runtime/serializer/protobuf; wire format:
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from .schema import Node, builtin

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class NotProtobuf(ValueError):
    """A body that is not what its media type says."""


def decode(body: bytes, definition: str) -> dict[str, Any]:
    """The object in a body, typed as the definition says. Raises NotProtobuf."""
    if not body.startswith(_MAGIC):
        raise NotProtobuf(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        kind = {number: value.decode() for number, value in _fields(envelope.get(1, b""))}
        obj = _message(envelope.get(2, b""), builtin(definition))
    except (IndexError, UnicodeDecodeError, struct.error, AttributeError) as error:
        raise NotProtobuf(f"the body cannot be read: {error}") from error
    return {"apiVersion": kind.get(1, ""), "kind": kind.get(2, ""), **obj}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Pairs of a field number and its raw value: a whole number, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif wire == _BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise IndexError("a field is cut off")
            yield number, data[at : at + length]
            at += length
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            yield number, data[at : at + size]
            at += size
        else:
            raise IndexError(f"unknown wire type {wire}")


def _message(data: bytes, node: Node) -> dict[str, Any]:
    return _numbered(data, node, node.raw.get("x-proto", {}))


def _numbered(data: bytes, node: Node, names: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for number, raw in _fields(data):
        if inner := names.get(f"{number}+"):  # an embedded struct: its fields stand beside ours in JSON
            out |= _numbered(raw, node, json.loads(inner))
        elif name := names.get(str(number)):
            _put(out, name, raw, node.props[name])
    return out


def _put(out: dict[str, Any], name: str, raw: Any, node: Node) -> None:
    if node.shape == "list" and node.items is not None:
        out.setdefault(name, []).append(_value(raw, node.items))
    elif node.shape == "map" and not node.props and node.extra is not None and node.name != "FieldsV1":
        entry = dict(_fields(raw))
        key = entry.get(1, b"").decode()
        out.setdefault(name, {})[key] = _value(entry.get(2, b""), node.extra)
    else:
        out[name] = _value(raw, node)


def _value(raw: Any, node: Node) -> Any:
    if special := _SPECIAL.get(node.name):
        return special(raw)
    if node.shape == "map":
        return _message(raw, node)
    if node.shape == "any":
        return json.loads(dict(_fields(raw)).get(1, b"null"))
    if node.type == "boolean":
        return bool(raw)
    if node.type == "integer":
        return raw - 2**64 if raw >= 2**63 else raw
    if node.type == "number":
        return struct.unpack("<d", raw)[0]
    if node.raw.get("format") == "byte":
        return base64.b64encode(raw).decode()
    return raw.decode()


def _time(raw: bytes) -> str | None:
    fields = dict(_fields(raw))
    if not fields:
        return None
    return datetime.fromtimestamp(fields.get(1, 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(raw: bytes) -> str | None:
    fields = dict(_fields(raw))
    if not fields:
        return None
    moment = datetime.fromtimestamp(fields.get(1, 0), UTC).replace(microsecond=fields.get(2, 0) // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _int_or_string(raw: bytes) -> int | str:
    fields = dict(_fields(raw))
    text = fields.get(3, b"")
    return text.decode() if fields.get(1) == 1 else int(fields.get(2, 0))


_SPECIAL: dict[str, Any] = {
    "Time": _time,
    "MicroTime": _micro_time,
    "Quantity": lambda raw: dict(_fields(raw)).get(1, b"").decode(),
    "IntOrString": _int_or_string,
    "FieldsV1": lambda raw: json.loads(dict(_fields(raw)).get(1, b"{}")),
}
