"""One line of a deployment's life. Its JSON is a contract: docs/history.md."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer


class Source(StrEnum):
    """Who tells it."""

    JOURNAL = "journal"
    """The workflow's own record, which outlives its histories."""
    HISTORY = "history"
    """The history of the deployment's workflow."""
    EVENT = "event"
    """A Kubernetes Event."""
    IMAGE = "image"
    """The history of the workflow of the model's image."""
    INSTALLATION = "installation"
    """The history of the workflow that installs the provider."""


class HistoryLine(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(frozen=True)

    time: datetime
    source: Source
    workflow_id: str = ""
    """Empty for an Event."""
    run_id: str = ""
    """Of the history it was read in; empty otherwise."""
    what: str
    """A step (`apply_upstream`), a command (`retry`), a signal, or a kind (`PhaseChanged`)."""
    generation: int = 0
    """Of the deployment then; 0: not known."""
    by: str = ""
    """Who or what caused it; empty: the system by itself."""
    message: str = ""
    why: str = ""
    details: dict[str, Any] = Field(default_factory=dict)
    """Whatever else is known; depends on `what`."""

    @field_serializer("time")
    def _time(self, value: datetime) -> str:
        return stamp(value, digits=6)

    @property
    def identity(self) -> tuple[str, ...]:
        """Equal for the same happening, whenever it is read."""
        event = str(self.details.get("event_id", ""))
        return (
            self.source,
            self.run_id,
            event,
            self.what,
            self.message,
            *(() if event else (stamp(self.time, digits=6),)),
        )


def stamp(time: datetime, *, digits: int = 0) -> str:
    """RFC 3339 in UTC, with so many digits of a second (0 or 6)."""
    utc = time.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S" + (".%f" if digits else "") + "Z")
