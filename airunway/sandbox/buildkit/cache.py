"""What a pretend daemon keeps: downloads, whole or not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from airunway.clients.buildkit.wire import control_pb2 as control


@dataclass
class Record:
    """One thing that is kept. `key` is empty while it is not whole; `date` is its file's."""

    description: str
    content: bytearray = field(default_factory=bytearray)
    date: int = 0
    key: str = ""
    in_use: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def message(self) -> control.UsageRecord:
        """As a client is shown it; the size of what is being written is not known."""
        size = 0 if self.in_use else len(self.content)
        return control.UsageRecord(
            ID=self.id,
            Mutable=not self.key,
            InUse=self.in_use,
            Size=size,
            CreatedAt=self.created_at,
            Description=self.description,
            RecordType="regular",
        )


class Cache:
    """Records by their key, which says what went into them."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def begin(self, description: str) -> Record:
        """A new record that is being written."""
        record = Record(description, in_use=True)
        self.records.append(record)
        return record

    def find(self, key: str) -> Record | None:
        """What was kept under a key."""
        return next((record for record in self.records if record.key == key), None)

    def matching(self, filters: Iterable[str]) -> Sequence[Record]:
        """Records that fit any filter of the kind `field==value`; all without one. Raises ValueError."""
        tests = [_test(text) for text in filters]
        return [record for record in self.records if not tests or any(test(record) for test in tests)]

    def prune(self, filters: Iterable[str], *, keep_bytes: int = 0) -> Sequence[control.UsageRecord]:
        """Drop what is not in use, oldest first, until at most so many bytes are kept. Raises ValueError."""
        dropped = []
        for record in self.matching(filters):
            if record.in_use or (keep_bytes and self._bytes() <= keep_bytes):
                continue
            self.records.remove(record)
            dropped.append(record.message())
        return dropped

    def _bytes(self) -> int:
        return sum(len(record.content) for record in self.records)


def _test(text: str) -> Callable[[Record], bool]:
    name, separator, value = text.partition("==")
    fields: dict[str, Callable[[Record], str]] = {
        "id": lambda record: record.id,
        "description": lambda record: record.description,
        "type": lambda record: "regular",
    }
    if not separator or name not in fields:
        raise ValueError(f"this pretend BuildKit does not know the filter {text!r}")
    return lambda record: fields[name](record) == value.strip('"')
