"""What strangers send: inputs of no command's shape, and words that steer an eye."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

STEERING = "\x1b[2J\u202e<script>\n\r\x00"
OF_ANOTHER_SHAPE: list[Any] = [
    "text",
    7,
    ["a"],
    {"by": 7},
    {"reason": {"a": "b"}},
    {"by": ["x" * 50_000]},
    RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"no json")),
]
