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
    _size: int | None = PrivateAttr(default=None)
    """Of all texts together; None: nobody has counted since it came from the run before."""

    def record(
        self,
        what: str,
        message: str,
        *,
        at: datetime,
        generation: int = 0,
        by: str = "",
        why: str = "",
        most: int = MAX_ENTRIES,
    ) -> None:
        """Add an entry; the same again only counts. The oldest go when there are too many.

        `most`: of this kind, so that what anybody may cause as often as he likes does not push out the rest.
        """
        entry = JournalEntry(
            at=at, generation=generation, by=_cut(by), what=what, message=_cut(message), why=_cut(why)
        )
        last = self.entries[-1] if self.entries else None
        if last is not None and _same(last, entry):
            last.at, last.times = at, last.times + 1
            return
        entries, known = self.entries, self._size
        size = (sum(map(_size, entries)) if known is None else known) + _size(entry)
        entries.append(entry)
        over = [n for n, one in enumerate(entries) if one.what == what][:-most]
        while over or len(entries) > MAX_ENTRIES or size > MAX_BYTES:
            size -= _size(entries.pop(over.pop() if over else 0))
            self.dropped += 1
        self._size = size


def _texts(entry: JournalEntry) -> tuple[str, str, str, str]:
    return entry.by, entry.what, entry.message, entry.why


def _same(one: JournalEntry, other: JournalEntry) -> bool:
    return (one.generation, _texts(one)) == (other.generation, _texts(other))


def _size(entry: JournalEntry) -> int:
    # Counted for each new one, also in replays: not by making JSON of it.
    return sum(len(text.encode()) for text in _texts(entry))


def _cut(text: str) -> str:
    return beginning(text, MAX_TEXT)
