"""What was decided and changed in the life of a deployment, in plain lines. Pure.

It travels from run to run, so it outlives continue-as-new and the retention of histories; bounded, so that it
never makes a history dear.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field, PrivateAttr

from airunway.api.plain_text import beginning

MAX_ENTRIES = 50
MAX_BYTES = 32_768
"""Of all texts together."""
MAX_TEXT = 600
"""Characters of one text."""


class JournalEntry(BaseModel):
    """One decision or change."""

    at: datetime
    generation: int = 0
    """Of the deployment then; 0: none was read yet."""
    by: str = ""
    """Who or what caused it: a person, `watcher`, `annotation`, an image's workflow; empty: nobody new."""
    what: str
    """Its kind, CamelCase as a condition's reason: `EngineSelected`, `Applied`, `PhaseChanged`, `Retry`."""
    message: str
    """What was decided or changed."""
    why: str = ""
    times: int = 1
    """How often the same happened in a row; `at` is the last time."""


class Journal(BaseModel):
    """The last entries, oldest first."""

    entries: list[JournalEntry] = Field(default_factory=list)
    dropped: int = 0
    """Older ones that had to go."""
    _bytes: int | None = PrivateAttr(default=None)
    """Of all entries: counted once in a run, and kept, for every entry of a replay asks for it."""

    def record(
        self, what: str, message: str, *, at: datetime, generation: int = 0, by: str = "", why: str = ""
    ) -> None:
        """Add an entry; the same again only counts. The oldest go when there are too many."""
        entry = JournalEntry(
            at=at, generation=generation, by=_cut(by), what=what, message=_cut(message), why=_cut(why)
        )
        last = self.entries[-1] if self.entries else None
        if last is not None and _same(last, entry):
            last.at, last.times = at, last.times + 1
            return
        self.entries.append(entry)
        used = self._bytes + _size(entry) if self._bytes is not None else sum(map(_size, self.entries))
        while len(self.entries) > MAX_ENTRIES or used > MAX_BYTES:
            used -= _size(self.entries.pop(0))
            self.dropped += 1
        self._bytes = used


def _texts(entry: JournalEntry) -> tuple[str, str, str, str]:
    return entry.by, entry.what, entry.message, entry.why


def _same(one: JournalEntry, other: JournalEntry) -> bool:
    return (one.generation, _texts(one)) == (other.generation, _texts(other))


def _size(entry: JournalEntry) -> int:
    return sum(len(text.encode()) for text in _texts(entry))


def _cut(text: str) -> str:
    return beginning(text, MAX_TEXT)
